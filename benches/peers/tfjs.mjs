// TensorFlow.js: its functions, its automatic derivatives, its Adam. Every step makes its operations anew, for the
// library compiles nothing ahead. Two things it lacks: decoupled decay (weights are scaled before Adam's step) and, in
// wasm, the derivative of a lookup (taken as a product with one-hot rows; the lookup itself is a lookup).
import "./node_modules/@tensorflow/tfjs/dist/tf.min.js";
import { ADAM, batches, mask, rate, rotary, weights } from "./task.mjs";

const tf = globalThis.tf;

export async function start(size, backend, total) {
  await import(`./node_modules/@tensorflow/tfjs-backend-${backend}/dist/tf-backend-${backend}.min.js`);
  if (backend === "wasm") tf.wasm.setWasmPaths(new URL("./node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url).href);
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js could not start its backend ${backend}`);
  await tf.ready();

  const { vocab, context, d, heads, head, batch, layers, epsilon } = size;
  const all = weights(size).map(({ name, shape, values, decays }) => ({ decays, variable: tf.variable(tf.tensor(values, shape), true, name) }));
  const by = Object.fromEntries(all.map(({ variable }) => [variable.name, variable]));
  const tables = rotary(size);
  const [cos, sin] = [tf.tensor(tables.cos, [context, head]), tf.tensor(tables.sin, [context, head])];
  const hidden = tf.tensor(mask(size), [context, context]);

  const embed = tf.customGrad((table, ids, save) => {
    save([ids]);
    const gradFunc = (dy, [ids]) => [tf.matMul(tf.oneHot(ids, vocab), dy, true), tf.zerosLike(ids)];
    return { value: tf.gather(table, ids), gradFunc };
  });
  const norm = (x, weight) => tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon))), weight);
  const split = (x) => tf.transpose(tf.reshape(x, [batch, context, heads, head]), [0, 2, 1, 3]);
  const turn = (x) => {
    const [left, right] = tf.split(x, 2, -1);
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(right), left], -1), sin));
  };
  const attend = (x, i) => {
    const [query, key, value] = ["query", "key", "value"].map((name) => split(tf.matMul(x, by[`${i}.${name}`])));
    const scores = tf.mul(tf.matMul(turn(query), turn(key), false, true), 1 / Math.sqrt(head));
    const mixed = tf.matMul(tf.softmax(tf.add(scores, hidden)), value);
    return tf.matMul(tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * context, d]), by[`${i}.out`]);
  };
  const forward = (x, i) => {
    const gate = tf.matMul(x, by[`${i}.gate`]);
    return tf.matMul(tf.mul(tf.mul(gate, tf.sigmoid(gate)), tf.matMul(x, by[`${i}.up`])), by[`${i}.down`]);
  };
  const loss = (inputs, targets) => {
    let x = embed(by.embed, inputs);
    for (let i = 0; i < layers; i++) {
      x = tf.add(x, attend(norm(x, by[`${i}.norm_attention`]), i));
      x = tf.add(x, forward(norm(x, by[`${i}.norm_mlp`]), i));
    }
    const logits = tf.matMul(norm(x, by.norm), by.embed, false, true);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(targets, vocab), tf.logSoftmax(logits)), -1)));
  };

  const adam = tf.train.adam(rate(0, total), ADAM.beta1, ADAM.beta2, ADAM.epsilon);
  const text = batches(size);
  return {
    parameters: all.reduce((sum, { variable }) => sum + variable.size, 0),
    step: (step) =>
      tf.tidy(() => {
        const { inputs, targets } = text(step);
        const { value, grads } = tf.variableGrads(() => loss(tf.tensor1d(inputs, "int32"), tf.tensor1d(targets, "int32")));
        const names = Object.keys(grads);
        const square = tf.addN(names.map((name) => tf.sum(tf.square(grads[name]))));
        const scale = tf.minimum(tf.div(ADAM.clip, tf.add(tf.sqrt(square), 1e-6)), 1);
        adam.learningRate = rate(step, total);
        for (const { decays, variable } of all) if (decays) variable.assign(tf.mul(variable, 1 - adam.learningRate * ADAM.decay));
        adam.applyGradients(Object.fromEntries(names.map((name) => [name, tf.mul(grads[name], scale)])));
        return value;
      }),
    async read(loss) {
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
  };
}
