// Milliseconds per step of the fixed work of `src/plan/bench.rs`: our engine, natively and as the site's workers in
// Chromium, and other libraries in the same Chromium. Contestants take turns, so that a busy machine favours none.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { serve } from "../tests/e2e/browser.mjs";

export const METHODS = ["Full", "Lora", "Prompt", "Scratch"];
export const SIZES = ["Small", "Medium"];
/// A browser compiles wasm a second time, and better, once it has run for a while: small steps must be many.
const CPU = { Small: { warmup: 200, steps: 100, rounds: 3 }, Medium: { warmup: 10, steps: 40, rounds: 3 } };
/// A GPU is read every eight steps. One that is software is slow: one round of the small size says as much.
const GPU = { warmup: 8, steps: 16, rounds: 3 };
/// Lets a page's workers share memory, which threads in wasm need. Our site asks its host for no such headers.
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

export const protocol = Number(/PROTOCOL_VERSION: u32 = (\d+)/.exec(readFileSync(new URL("../src/job/mod.rs", import.meta.url), "utf8"))[1]);

/// `{ who, where, size, method, timings }`, one a contestant and size: `timings` as `plan::bench::BenchTiming`, one a round.
export async function measure({ browser, folder, native, ours, peers, webgpu, log }) {
  const rows = new Map();
  const add = (who, where, size, method, result) => {
    const key = [who, where, size, method].join();
    if (!rows.has(key)) rows.set(key, { who, where, size, method, timings: [], problem: undefined });
    if (result.timing) rows.get(key).timings.push(result.timing);
    else rows.get(key).problem = result.problem;
  };
  const open = [];
  const blank = async (folder, headers) => {
    const site = await serve(folder, headers);
    const page = await browser.newPage();
    const empty = (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>", headers });
    await page.route(`${site.url}blank`, empty);
    await page.goto(`${site.url}blank`);
    open.push(page, site);
    return page;
  };
  const adapter = webgpu ? await adapterOf(await blank(folder)) : undefined;
  const lab = ours && (await blank(folder));
  const peersAt = new URL("peers/", import.meta.url).pathname;
  const [alone, threads] = peers ? [await blank(peersAt), await blank(peersAt, ISOLATED)] : [];

  const turns = [];
  const turn = (rounds, run) => turns.push({ rounds, run });
  if (ours) {
    for (const [size, job] of Object.entries(CPU)) {
      turn(job.rounds, async () => {
        for (const { method, timing } of await nativeSteps(native, size, job)) add("Tunelab", "native", size, method, { timing });
      });
    }
  }
  const against = (size, where, device, { warmup, steps, rounds }) => {
    const job = { size, warmup, steps };
    if (ours) {
      turn(rounds, async () => {
        const program = device === "webgpu" ? "worker_gpu_loader.js" : "worker_cpu_loader.js";
        const backend = device === "webgpu" ? "WebGpu" : "Cpu";
        for (const method of METHODS) add("Tunelab", where, size, method, await lab.evaluate(askOurs, { ...job, program, backend, method, protocol }));
      });
    }
    if (!peers) return;
    for (const [library, who] of [["jax", "jax-js"], ["tfjs", "TensorFlow.js"]]) {
      turn(rounds, async () => add(who, where, size, "Full", await alone.evaluate(askPeer, { ...job, library, backend: device })));
      if (device === "wasm") turn(rounds, async () => add(who, `${where}, threads`, size, "Full", await threads.evaluate(askPeer, { ...job, library, backend: device })));
    }
  };
  for (const size of ["Small", "Medium"]) against(size, "wasm", "wasm", CPU[size]);
  if (adapter) {
    const software = adapter.software;
    for (const size of software ? ["Small"] : ["Small", "Medium"]) against(size, `WebGPU (${adapter.name})`, "webgpu", { ...GPU, rounds: software ? 1 : GPU.rounds });
  }
  for (let round = 1; turns.some((turn) => turn.rounds >= round); round++) {
    log(`steps, round ${round}`);
    for (const { rounds, run } of turns) if (rounds >= round) await run();
  }
  for (const each of open) await each.close();
  return [...rows.values()];
}

async function nativeSteps(native, size, { warmup, steps }) {
  const { stdout } = await promisify(execFile)(native, ["bench", "--json", "--size", size, "--warmup", `${warmup}`, "--steps", `${steps}`]);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

function adapterOf(page) {
  return page.evaluate(async () => {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error("this Chromium has no WebGPU adapter: leave out --webgpu");
    const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
    const name = [vendor, architecture, description].filter(Boolean).join(" ");
    const software = Boolean(isFallbackAdapter) || /swiftshader|llvmpipe|software|basic render/i.test(name);
    return { name: software ? `${name}, software` : name, software };
  });
}

/// In the page: one of the site's workers, spoken to as `src/wire.rs` does.
export function askOurs({ program, backend, protocol, size, method, warmup, steps }) {
  return new Promise((done) => {
    const worker = new Worker(program, { type: "module" });
    const end = (result) => (worker.terminate(), done(result));
    const send = (command) => worker.postMessage({ command, files: [] });
    let counts;
    worker.onerror = (event) => end({ problem: event.message || `${program} could not be loaded` });
    worker.onmessage = ({ data }) => {
      // Of what `launches.mjs` counts.
      if (data.Counts) counts = data.Counts;
      else if (data === "listening") send({ Open: { version: protocol, backend } });
      else if (data.Opened) send({ Start: { id: 0, job: { Bench: { size, method, warmup: BigInt(warmup), steps: BigInt(steps) } } } });
      else if (data.CannotOpen) end({ problem: data.CannotOpen.reason });
      else if (data.OtherBuild) end({ problem: "the worker is of another build than this script" });
      else if (data.Job?.[1].Done) end({ counts, timing: Object.fromEntries(Object.entries(data.Job[1].Done.Timed).map(([key, value]) => [key, Number(value)])) });
      else if (data.Job?.[1].Failed) end({ problem: data.Job[1].Failed });
      else if (data.DeviceLost) end({ problem: data.DeviceLost.reason });
      else if (data.Log?.level === "Panic") end({ problem: data.Log.text });
    };
  });
}

/// In the page: one library in a worker of its own (`benches/peers/worker.mjs`).
function askPeer(job) {
  return new Promise((done) => {
    const worker = new Worker("worker.mjs", { type: "module" });
    const end = (result) => (worker.terminate(), done(result));
    worker.onerror = (event) => end({ problem: event.message || "the library could not be loaded" });
    worker.onmessage = ({ data }) => end(data);
    worker.postMessage(job);
  });
}
