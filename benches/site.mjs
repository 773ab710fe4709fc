// `./lab bench`: everything that is measured, in one run, side by side. `node benches/site.mjs DIST LAB [options]`
import { existsSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { launch, serve } from "../tests/e2e/browser.mjs";
import { launches } from "./launches.mjs";
import { watch } from "./page.mjs";
import { sizes } from "./sizes.mjs";
import { measure } from "./steps.mjs";

const HELP = `usage: ./lab bench [options]

  --webgpu      time the GPU workers too
  --whole       wait for the whole default experiment on the page
  --only PART   ours, peers, page, sizes or launches
  --json FILE   write what was measured`;

const PARTS = ["ours", "peers", "page", "sizes", "launches"];
const fail = (message) => (console.error(message), process.exit(1));
const log = (message) => console.error(`bench: ${message}`);

function options() {
  const flag = { type: "boolean", default: false };
  const settings = { webgpu: flag, whole: flag, help: { ...flag, short: "h" }, only: { type: "string" }, json: { type: "string" } };
  try {
    return parseArgs({ options: settings, allowPositionals: true });
  } catch (error) {
    return fail(`${error.message}\n\n${HELP}`);
  }
}

const { values: { webgpu, whole, help, only, json }, positionals: [folder, native] } = options();
if (help) console.log(HELP), process.exit(0);
if (only && !PARTS.includes(only)) fail(`--only ${only}: the parts are ${PARTS.join(", ")}`);
if (!folder || !existsSync(folder)) fail(`there is no built site at ${folder}: run ./lab build`);
const does = (part) => !only || only === part;

const machine = () => ({ load: loadavg().map((load) => Number(load.toFixed(2))), at: new Date().toISOString() });
const result = { processor: `${cpus()[0].model}, ${cpus().length} cores`, begun: machine() };
const browser = await launch();
result.browser = `Chromium ${browser.version()}`;
if (does("sizes")) log("sizes of what is downloaded"), (result.sizes = sizes(folder));
if (does("ours") || does("peers")) {
  result.steps = await measure({ browser, folder, native, ours: does("ours"), peers: does("peers"), webgpu, log });
}
if (webgpu || only === "launches") result.launches = await launches({ browser, folder, log });
if (does("page")) {
  const site = await serve(folder);
  result.page = [];
  for (let round = 1; round <= (whole ? 1 : 3); round++) {
    log(`the page, visit ${round}`);
    result.page.push(await watch({ browser, site, whole }));
  }
  site.close();
}
await browser.close();
result.ended = machine();
if (json) writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
console.log(report(result));

function median(numbers) {
  const sorted = numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : undefined;
}

/// Columns as wide as their widest cell; numbers stand right.
function table(head, rows) {
  const cells = [head, ...rows.map((row) => row.map((cell) => `${cell ?? ""}`))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const right = (column) => rows.every((row) => /^[\d.,]*$/.test(`${row[column] ?? ""}`));
  const line = (row) => row.map((cell, column) => (right(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join("  ").trimEnd();
  return cells.map((row) => `  ${line(row)}`).join("\n");
}

function report({ processor, browser, begun, ended, steps, launches, page, sizes }) {
  const parts = [`${processor}; ${browser}; load ${begun.load.join(" ")} at the start, ${ended.load.join(" ")} at the end (${ended.at})`];
  if (steps) {
    const rows = steps.map(({ who, where, size, method, timings, problem }) => {
      const of = (key) => median(timings.map((timing) => timing[key]));
      const [ms, tokens, loss, parameters] = ["ms_per_step", "tokens_per_step", "last_nats_per_token", "parameters"].map(of);
      if (ms === undefined) return [size, who, where, method, "", "", "", "", problem.split("\n")[0]];
      const spread = timings.map((timing) => timing.ms_per_step).sort((a, b) => a - b);
      return [size, who, where, method, parameters, ms.toFixed(2), (tokens * 1000 / ms).toFixed(0), loss.toFixed(3), spread.map((ms) => ms.toFixed(1)).join(" ")];
    });
    rows.sort((a, b) => (a[0] === b[0] ? 0 : a[0] === "Small" ? -1 : 1));
    parts.push(
      "Training steps (median of rounds in turn; Small: 128 tokens a step, Medium: 512; loss of the last step, ln 96 = 4.564 before training).\n" +
        "  Full and Scratch train every weight, as the libraries do; threads: with isolation headers, which our site needs none of.\n" +
        table(["size", "who", "where", "method", "parameters", "ms a step", "tokens/s", "loss", "each round"], rows),
    );
  }
  if (launches) {
    const names = Object.keys(launches.find((row) => row.counts)?.counts ?? {});
    const rows = launches.map(({ size, method, counts, problem }) => [size, method, ...names.map((name) => counts?.[name]), problem?.split("\n")[0]]);
    parts.push(`What a step asks of WebGPU\n${table(["size", "method", ...names, ""], rows)}`);
  }
  if (page) {
    const of = (key) => median(page.map((visit) => visit[key]));
    const seconds = (value) => value?.toFixed(1);
    parts.push(
      `The page, default experiment on the CPU, nothing precomputed (median of ${page.length} visits)\n` +
        table(["", "measured", "aim"], [
          ["Play to the first finished point, s", seconds(of("first_point_seconds")), "5"],
          [`Play to 3 sizes of each of ${of("methods")} methods, s`, seconds(of("rough_curve_seconds")), "30"],
          ...(of("whole_seconds") ? [[`the whole experiment (${of("runs")} runs), s`, seconds(of("whole_seconds")), "240"]] : []),
          ["longest task on the main thread, ms", of("longest_task_ms").toFixed(0), "50"],
          ["tasks over 50 ms", of("tasks_over_50_ms"), "0"],
        ]),
    );
  }
  if (sizes) {
    const kilo = (bytes) => (bytes === undefined ? "" : (bytes / 1000).toFixed(0));
    parts.push(
      "Downloads, KB\n" +
        table(["group", "files", "raw", "gzip 9", "brotli 11", "aim (brotli)"], sizes.map(({ group, files, bytes, gzip, brotli, aim }) => [group, files, kilo(bytes), kilo(gzip), kilo(brotli), kilo(aim)])),
    );
  }
  return parts.join("\n\n");
}
