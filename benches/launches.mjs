// What a step of the fixed work asks of WebGPU in Chromium: each call is counted inside the worker. A long job less a
// short one leaves the steps alone. A software adapter counts the same as a real one.
import { serve } from "../tests/e2e/browser.mjs";
import { METHODS, SIZES, askOurs, protocol } from "./steps.mjs";

const [SHORT, LONG] = [8, 16];

/// Runs in the worker, before its program: counts, and tells them when asked.
function count() {
  const counts = { dispatches: 0, passes: 0, submits: 0, "bind groups": 0, pipelines: 0, buffers: 0, uploads: 0, "uploaded bytes": 0, readbacks: 0 };
  const wrap = (of, method, name, more = () => {}) => {
    const call = of.prototype[method];
    of.prototype[method] = function (...given) {
      counts[name] += 1;
      more(given);
      return call.apply(this, given);
    };
  };
  wrap(GPUComputePassEncoder, "dispatchWorkgroups", "dispatches");
  wrap(GPUComputePassEncoder, "dispatchWorkgroupsIndirect", "dispatches");
  wrap(GPUCommandEncoder, "beginComputePass", "passes");
  wrap(GPUQueue, "submit", "submits");
  wrap(GPUDevice, "createBindGroup", "bind groups");
  wrap(GPUDevice, "createComputePipeline", "pipelines");
  wrap(GPUDevice, "createBuffer", "buffers");
  wrap(GPUQueue, "writeBuffer", "uploads", ([, , data, from = 0, size]) => {
    const unit = data.BYTES_PER_ELEMENT ?? 1;
    counts["uploaded bytes"] += size === undefined ? data.byteLength - from * unit : size * unit;
  });
  wrap(GPUBuffer, "mapAsync", "readbacks");
  const post = self.postMessage.bind(self);
  self.postMessage = (message, ...rest) => {
    if (message?.Job?.[1]?.Done) post({ Counts: { ...counts } });
    return post(message, ...rest);
  };
}

/// `{ size, method, counts }` or `{ size, method, problem }`, one a size and method: what one step asks.
export async function launches({ browser, folder, log, sizes = SIZES, methods = METHODS }) {
  const site = await serve(folder);
  const page = await browser.newPage();
  await page.route(`${site.url}blank`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  const program = "worker_gpu_loader.js";
  await page.route(`${site.url}${program}`, async (route) => {
    const response = await route.fetch();
    // A module's imports run before all else in it: the program comes after the count has begun.
    const body = `(${count})();\nawait import("./counted_${program}");\n`;
    await route.fulfill({ response, body });
  });
  await page.route(`${site.url}counted_${program}`, async (route) => route.fulfill({ response: await route.fetch({ url: `${site.url}${program}` }) }));
  await page.goto(`${site.url}blank`);
  const rows = [];
  for (const size of sizes) {
    for (const method of methods) {
      log(`launches: ${size}, ${method}`);
      const of = (steps) => page.evaluate(askOurs, { program, backend: "WebGpu", protocol, size, method, warmup: 0, steps });
      const [short, long] = [await of(SHORT), await of(LONG)];
      const problem = short.problem ?? long.problem;
      const each = ([name, all]) => [name, (all - short.counts[name]) / (LONG - SHORT)];
      rows.push(problem ? { size, method, problem } : { size, method, counts: Object.fromEntries(Object.entries(long.counts).map(each)) });
    }
  }
  await page.close();
  site.close();
  return rows;
}
