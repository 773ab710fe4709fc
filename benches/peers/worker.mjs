// Times one library in a worker of its own: `{ library, backend, size, warmup, steps }` in, a timing as
// `plan::bench::BenchTiming` has it out. As in our engine, a loss is read after every step on the CPU and after every
// eight on a GPU, where each reading waits for the device, and only a reading says that the device is done.
import { SIZES } from "./task.mjs";

const READ_EVERY = 8;

async function time({ library, backend, size, warmup, steps }) {
  const { start } = await import(`./${library}.mjs`);
  const total = warmup + steps;
  const model = await start(SIZES[size], backend, total);
  const [times, pending] = [[], []];
  let begun = performance.now();
  let last = NaN;
  for (let step = 0; step < total; step++) {
    pending.push(model.step(step));
    if (backend === "webgpu" && pending.length < READ_EVERY && step + 1 < total) continue;
    const losses = await Promise.all(pending.map(model.read));
    last = losses.reduce((a, b) => a + b) / losses.length;
    const ended = performance.now();
    if (step >= warmup) times.push((ended - begun) / pending.length);
    begun = ended;
    pending.length = 0;
  }
  times.sort((a, b) => a - b);
  return {
    parameters: model.parameters,
    tokens_per_step: SIZES[size].batch * SIZES[size].context,
    ms_per_step: times[Math.floor(times.length / 2)],
    last_nats_per_token: last,
  };
}

onmessage = ({ data }) => time(data).then((timing) => postMessage({ timing }), (error) => postMessage({ problem: error.stack ?? String(error) }));
