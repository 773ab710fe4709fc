// A random checkpoint of GPT-2's shape with a tokenizer of its size, for measuring how models are loaded:
//   node benches/checkpoint.mjs DIR [f32|f16] [small|xl]
// small is GPT-2's 124M parameters, xl its 1.56G. `describe` alone gives config and tensors, for files that hold nothing.
import { mkdirSync, openSync, readFileSync, writeFileSync, writeSync, closeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const SHAPES = { small: { n_layer: 12, n_head: 12, n_embd: 768 }, xl: { n_layer: 48, n_head: 25, n_embd: 1600 } };
const VOCABULARY = 50257;

/// `config.json` and the start of `model.safetensors`: its header with the length before it, and how many bytes follow.
export function describe(shape = "small", dtype = "f32") {
  const config = {
    model_type: "gpt2", architectures: ["GPT2LMHeadModel"], vocab_size: VOCABULARY, n_positions: 1024, ...SHAPES[shape],
    activation_function: "gelu_new", layer_norm_epsilon: 1e-5, tie_word_embeddings: true, bos_token_id: 0, eos_token_id: 0,
  };
  const d = config.n_embd;
  const tensors = [["wte.weight", [VOCABULARY, d]], ["wpe.weight", [config.n_positions, d]]];
  const norm = (name) => tensors.push([`${name}.weight`, [d]], [`${name}.bias`, [d]]);
  const linear = (name, input, output) => tensors.push([`${name}.weight`, [input, output]], [`${name}.bias`, [output]]);
  for (let layer = 0; layer < config.n_layer; layer++) {
    norm(`h.${layer}.ln_1`);
    linear(`h.${layer}.attn.c_attn`, d, 3 * d);
    linear(`h.${layer}.attn.c_proj`, d, d);
    norm(`h.${layer}.ln_2`);
    linear(`h.${layer}.mlp.c_fc`, d, 4 * d);
    linear(`h.${layer}.mlp.c_proj`, 4 * d, d);
  }
  norm("ln_f");
  const header = {};
  let end = 0;
  for (const [name, dims] of tensors) {
    const start = end;
    end += dims.reduce((a, b) => a * b) * (dtype === "f16" ? 2 : 4);
    header[`transformer.${name}`] = { dtype: dtype.toUpperCase(), shape: dims, data_offsets: [start, end] };
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (text.length % 8)) % 8);
  const head = Buffer.alloc(8 + text.length);
  head.writeBigUInt64LE(BigInt(text.length));
  head.write(text, 8);
  return { config, head, data: end };
}

/// GPT-2's spelling of bytes, and a merge of every two of them until the vocabulary is full.
export function tokenizer(template) {
  const json = JSON.parse(readFileSync(template, "utf8"));
  const printable = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  const letters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
  const tokens = ["<|endoftext|>", ...letters];
  const merges = [];
  for (const a of letters) for (const b of letters) if (tokens.length < VOCABULARY) {
    merges.push([a, b]);
    tokens.push(a + b);
  }
  json.model.vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  json.model.merges = merges;
  return JSON.stringify(json);
}

function half(value) {
  // Numbers here are small and normal: round the mantissa, move the exponent.
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0];
  const exponent = ((bits >>> 23) & 255) - 112;
  if (exponent <= 0) return (bits >>> 16) & 0x8000;
  return ((bits >>> 16) & 0x8000) + (exponent << 10) + ((bits >>> 13) & 0x3ff) + ((bits >>> 12) & 1);
}

export function write(folder, dtype, shape) {
  mkdirSync(folder, { recursive: true });
  const { config, head, data } = describe(shape, dtype);
  writeFileSync(`${folder}/config.json`, JSON.stringify(config));
  writeFileSync(`${folder}/tokenizer.json`, tokenizer(new URL("../tests/golden/hub/tokenizers/gpt2.json", import.meta.url)));
  const file = openSync(`${folder}/model.safetensors`, "w");
  writeSync(file, head);
  // The same 4 MB of numbers over and over: loading does not look at them.
  let state = 1;
  const count = 1 << 20;
  const numbers = Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 0.07;
  });
  const bytes = dtype === "f16" ? Buffer.from(Uint16Array.from(numbers, half).buffer) : Buffer.from(numbers.buffer);
  for (let left = data; left > 0; left -= bytes.length) writeSync(file, bytes.subarray(0, Math.min(left, bytes.length)));
  closeSync(file);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, dtype = "f32", shape = "small"] = process.argv.slice(2);
  if (!folder || !["f32", "f16"].includes(dtype) || !SHAPES[shape]) {
    console.error("usage: node benches/checkpoint.mjs DIR [f32|f16] [small|xl]");
    process.exit(1);
  }
  write(folder, dtype, shape);
}
