// The fixed work of `src/plan/bench.rs`, for libraries other than ours: the same shapes, the same kind of weights and
// text, the same schedule as full fine-tuning there. Plain numbers; each library brings its own tensors.

/// `ModelConfig::ladder(vocab, context, d, layers)`: pre-norm RMS, rotary, SwiGLU, tied, no biases.
const ladder = (vocab, context, d, layers, batch) => {
  const head = d >= 96 ? 32 : 16;
  const ff = Math.ceil(Math.ceil((8 * d) / 3) / 16) * 16;
  return { vocab, context, d, layers, head, heads: d / head, ff, batch, epsilon: 1e-5, theta: 10_000 };
};

export const SIZES = { Small: ladder(96, 64, 64, 2, 2), Medium: ladder(96, 64, 128, 4, 8) };

/// AdamW with PyTorch's defaults; clipping by the gradients' global norm.
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01, clip: 1 };

/// The rate of a step: 5% warmup to 2e-3, then half a cosine down to a tenth.
export function rate(step, total) {
  const [peak, warmup] = [2e-3, Math.ceil(0.05 * total)];
  if (step < warmup) return (peak * (step + 1)) / warmup;
  const progress = Math.min((step - warmup) / Math.max(total - warmup, 1), 1);
  return peak * (0.1 + 0.45 * (1 + Math.cos(Math.PI * progress)));
}

/// Numbers in [0, 1) that follow from a seed (mulberry32).
function uniform(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/// The weights in order: `{ name, shape, values, decays }`. Normal, deviation 0.02, less for what is added to the
/// residual; norms are one. Weight decay pulls the blocks' matrices alone.
export function weights({ vocab, d, layers, ff }) {
  const draw = uniform(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  const matrix = (name, rows, columns, deviation = 0.02) => ({
    name, shape: [rows, columns], decays: name !== "embed", values: Float32Array.from({ length: rows * columns }, () => deviation * normal()),
  });
  const norm = (name) => ({ name, shape: [d], decays: false, values: new Float32Array(d).fill(1) });
  const added = 0.02 / Math.sqrt(2 * layers);
  const block = (i) => [
    norm(`${i}.norm_attention`), matrix(`${i}.query`, d, d), matrix(`${i}.key`, d, d), matrix(`${i}.value`, d, d),
    matrix(`${i}.out`, d, d, added), norm(`${i}.norm_mlp`), matrix(`${i}.gate`, d, ff), matrix(`${i}.up`, d, ff),
    matrix(`${i}.down`, ff, d, added),
  ];
  return [matrix("embed", vocab, d), ...Array.from({ length: layers }, (_, i) => block(i)).flat(), norm("norm")];
}

/// Batch `step` of 32 rows of random tokens, gone through in order: what is read and what comes next, `[batch · context]`.
export function batches({ vocab, context, batch }) {
  const draw = uniform(2);
  const rows = Array.from({ length: 32 }, () => Array.from({ length: context + 1 }, () => Math.floor(vocab * draw())));
  return (step) => {
    const chosen = Array.from({ length: batch }, (_, i) => rows[(step * batch + i) % rows.length]);
    return {
      inputs: Int32Array.from(chosen.flatMap((row) => row.slice(0, -1))),
      targets: Int32Array.from(chosen.flatMap((row) => row.slice(1))),
    };
  };
}

/// Tables of the rotary embedding in the half-split layout, `[context, head]`: cosines and sines.
export function rotary({ context, head, theta }) {
  const angle = (i) => Math.floor(i / head) * theta ** (-(i % (head / 2)) / (head / 2));
  const table = (f) => Float32Array.from({ length: context * head }, (_, i) => f(angle(i)));
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/// Added to attention scores, `[context, context]`: hides what comes later.
export const mask = ({ context }) =>
  Float32Array.from({ length: context ** 2 }, (_, i) => (i % context > Math.floor(i / context) ? -1e9 : 0));
