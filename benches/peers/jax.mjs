// jax-js: a whole step (loss, derivatives, clipping, AdamW) is one compiled function, as the library advises. An array
// passed to a function is given away; `.ref` keeps a hold on it. Its optimizers are another package; AdamW is here.
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from "./node_modules/@jax-js/jax/dist/index.js";
import { ADAM, batches, rate, rotary, weights } from "./task.mjs";

export async function start(size, backend, total) {
  const devices = await init(backend);
  if (!devices.includes(backend)) throw new Error(`jax-js could not start its device ${backend}: it has ${devices.join(", ")}`);
  defaultDevice(backend);

  const { vocab, context, d, heads, head, batch, layers, epsilon } = size;
  const all = weights(size);
  const tensor = (values, shape) => np.array(values).reshape(shape);
  const tables = rotary(size);
  const [cos, sin] = [tensor(tables.cos, [context, 1, head]), tensor(tables.sin, [context, 1, head])];

  const norm = (x, weight) => x.ref.mul(np.reciprocal(np.sqrt(np.square(x).mean(-1, { keepdims: true }).add(epsilon)))).mul(weight);
  const turn = (x) => {
    const [left, right] = np.split(x.ref, 2, -1);
    return x.mul(cos.ref).add(np.concatenate([right.neg(), left], -1).mul(sin.ref));
  };
  const attend = (x, weights) => {
    const [query, key, value] = weights.slice(0, 3).map((w) => np.matmul(x.ref, w).reshape([batch, context, heads, head]));
    x.dispose();
    const mixed = nn.dotProductAttention(turn(query), turn(key), value, { isCausal: true });
    return np.matmul(mixed.reshape([batch * context, d]), weights[3]);
  };
  const forward = (x, [gate, up, down]) => {
    const gated = nn.silu(np.matmul(x.ref, gate));
    return np.matmul(gated.mul(np.matmul(x, up)), down);
  };
  const loss = (weights, inputs, targets) => {
    const [embed, ...rest] = weights;
    let x = np.take(embed.ref, inputs, 0);
    for (let i = 0; i < layers; i++) {
      const [normAttention, query, key, value, out, normMlp, ...mlp] = rest.slice(9 * i, 9 * (i + 1));
      x = x.ref.add(attend(norm(x, normAttention), [query, key, value, out]));
      x = x.ref.add(forward(norm(x, normMlp), mlp));
    }
    const logits = np.matmul(norm(x, rest.at(-1)), embed.transpose());
    return nn.oneHot(targets, vocab).mul(nn.logSoftmax(logits, -1)).sum(-1).mean().neg();
  };

  // `now`: rate, and what corrects the two means of so many steps.
  const update = jit((weights, firsts, seconds, inputs, targets, now) => {
    const [value, gradients] = valueAndGrad(loss)(weights.map((w) => w.ref), inputs, targets);
    const square = gradients.map((g) => np.square(g.ref).sum()).reduce((a, b) => a.add(b));
    const scale = np.minimum(np.reciprocal(np.sqrt(square).add(1e-6)).mul(ADAM.clip), 1);
    const [rate, correct1, correct2] = np.split(now, 3).map((x) => x.reshape([]));
    const moved = weights.map((w, i) => {
      const gradient = gradients[i].mul(scale.ref);
      const first = firsts[i].mul(ADAM.beta1).add(gradient.ref.mul(1 - ADAM.beta1));
      const second = seconds[i].mul(ADAM.beta2).add(np.square(gradient).mul(1 - ADAM.beta2));
      const by = first.ref.mul(correct1.ref).div(np.sqrt(second.ref.mul(correct2.ref)).add(ADAM.epsilon)).mul(rate.ref);
      const kept = all[i].decays ? w.ref.sub(w.mul(rate.ref.mul(ADAM.decay))) : w;
      return [kept.sub(by), first, second];
    });
    for (const used of [scale, rate, correct1, correct2]) used.dispose();
    return [value, ...[0, 1, 2].map((part) => moved.map((each) => each[part]))];
  });

  let state = [
    all.map(({ values, shape }) => tensor(values, shape)),
    ...[0, 1].map(() => all.map(({ shape }) => np.zeros(shape))),
  ];
  const text = batches(size);
  return {
    parameters: all.reduce((sum, { values }) => sum + values.length, 0),
    step(step) {
      const { inputs, targets } = text(step);
      const now = [rate(step, total), 1 / (1 - ADAM.beta1 ** (step + 1)), 1 / (1 - ADAM.beta2 ** (step + 1))];
      const [value, ...next] = update(...state, np.array(inputs), np.array(targets), np.array(Float32Array.from(now)));
      state = next;
      return value;
    },
    async read(loss) {
      return (await loss.data())[0];
    },
  };
}
