// How long a model of GPT-2's size takes to load, and how much memory at the most, in the browser and natively:
//   node benches/checkpoint.mjs DIR f32 && node benches/load.mjs DIST DIR [LAB]
// DIST is the built site, LAB the native program (target/debug/lab). Prints JSON. Memory natively is the process's peak;
// in the browser it is what the worker's wasm memory grew to, and how far the page's whole process rose, from before the
// model was chosen until its first token.
import { spawn } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { launch, open, serve } from "../tests/e2e/browser.mjs";

const [dist, folder, lab] = process.argv.slice(2);
const config = JSON.parse(readFileSync(`${folder}/config.json`));
const { n_embd: d, n_layer: layers, vocab_size: vocabulary, n_positions: positions } = config;
const parameters = (vocabulary + positions) * d + layers * (12 * d * d + 13 * d) + 2 * d;
const held = parameters * 4;
const file = statSync(`${folder}/model.safetensors`).size;
const MB = (bytes) => Math.round(bytes / 1e6);

/// The most memory a process has had, in bytes.
const peak = (pid) => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
};

async function native() {
  const start = performance.now();
  const child = spawn(lab, ["logits", "--base", folder, "--ids", "1", "--json"], { stdio: ["ignore", "ignore", "inherit"] });
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, peak(child.pid))), 10);
  const code = await new Promise((done) => child.on("close", done));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${lab} ended with ${code}`);
  return { seconds_to_first_logits: (performance.now() - start) / 1000, peak_mb: MB(most), times_weights: most / held };
}

async function browser() {
  const site = await serve(dist);
  const chromium = await launch();
  const context = await chromium.newContext();
  context.setDefaultTimeout(300_000);
  // A worker's memory is its program's own affair: hold on to it from outside.
  await context.route("**/worker_cpu_loader.js", async (route) => {
    const response = await route.fetch();
    const body = `for (const way of ["instantiate", "instantiateStreaming"]) { const old = WebAssembly[way].bind(WebAssembly);
      WebAssembly[way] = async (...given) => { const made = await old(...given); globalThis.memory = (made.instance ?? made).exports.memory; return made; }; }\n${await response.text()}`;
    await route.fulfill({ response, body });
  });
  const page = await open(context, site, "#device=cpu");
  await page.getByTestId("bases").locator("input").first().waitFor();
  await page.waitForTimeout(3000);
  const session = await chromium.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
  const renderer = renderers.reduce((a, b) => (resident(a) > resident(b) ? a : b));
  writeFileSync(`/proc/${renderer}/clear_refs`, "5");
  const before = resident(renderer);

  await page.getByTestId("load-model").evaluate((details) => (details.open = true));
  let clock = performance.now();
  const lap = () => {
    const seconds = (performance.now() - clock) / 1000;
    clock = performance.now();
    return seconds;
  };
  await page.getByTestId("model-folder").setInputFiles(folder);
  await page.getByTestId("sight").waitFor();
  const look = lap();
  await page.getByTestId("keep").uncheck();
  clock = performance.now();
  await page.getByTestId("take").click();
  await page.getByTestId(`base-${basename(folder)}`).waitFor();
  const check = lap();
  await page.getByTestId("view-try").click();
  await page.getByTestId("try-add").selectOption({ label: `${basename(folder)} (base)` });
  await page.locator('button[aria-label^="Leave out story"]').first().click();
  await page.locator("details", { hasText: "Sampling" }).locator("input").first().evaluate((input) => {
    input.value = "1";
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  clock = performance.now();
  await page.getByTestId("try").click();
  await page.waitForFunction(() => [...document.querySelectorAll('[data-testid="completion"]')].some((side) => side.getAttribute("aria-busy") === "false" && side.textContent.trim().length > 0));
  const token = lap();
  const rose = peak(renderer) - before;
  const memories = await Promise.all(page.workers().filter((worker) => worker.url().includes("worker_cpu")).map((worker) => worker.evaluate(() => globalThis.memory?.buffer.byteLength ?? 0)));
  const wasm = Math.max(...memories);
  const said = await page.getByTestId("completion").first().innerText();
  await chromium.close();
  site.close();
  return {
    look_seconds: look, check_seconds: check, seconds_to_first_token: token, said,
    wasm_mb: MB(wasm), wasm_times_weights: wasm / held, process_rise_mb: MB(rose), rise_times_weights: rose / held,
  };
}

console.log(JSON.stringify({ parameters, held_mb: MB(held), file_mb: MB(file), native: lab && (await native()), browser: await browser() }, null, 2));
process.exit(0);
