// What becomes of a run when the browser keeps nothing, keeps no more, is killed, is left, or shows the lab twice.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, expect } from "@playwright/test";
import { CHROMIUM, open } from "./browser.mjs";
import { test } from "./fixtures.mjs";
import { finished, points, showTable } from "./lab.mjs";

/// Two runs of some steps, and one of a minute.
const TWO = "#base=story-50k&task=weather&from=16&to=32&seeds=1&steps=30&batch=8&sequence=32&device=cpu&methods=full";
const LONG = "#base=story-230k&task=weather&from=2048&to=2048&seeds=1&batch=8&sequence=64&device=cpu&methods=full";

// The service worker would answer for the files that are changed below.
test.use({ serviceWorkers: "block" });

/// Puts `script` before the program of the workers that train.
const inWorkers = (context, script) => context.route("**/worker_cpu_loader.js", async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, body: `${script};\n${await response.text()}` });
});

const REFUSE = `StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException("no storage in a private window", "SecurityError"))`;
const FULL = `FileSystemWritableFileStream.prototype.write = () => Promise.reject(new DOMException("full", "QuotaExceededError"))`;

async function savedRuns(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("save-runs").click()]);
  return JSON.parse(readFileSync(await download.path(), "utf8"));
}

/// Base and tuned model complete a prompt.
async function completes(page) {
  await page.getByTestId("compare").click();
  for (const side of ["before", "after"]) {
    await expect(page.getByTestId(side)).toHaveAttribute("aria-busy", "false", { timeout: 60_000 });
    await expect(page.getByTestId(side)).not.toHaveText("");
    await expect(page.getByTestId(side)).not.toHaveClass(/problem/);
  }
}

test("without storage runs train, are said to be lost, and can be saved", async ({ context, site, shots }) => {
  await inWorkers(context, REFUSE);
  await context.addInitScript(REFUSE);
  const page = await open(context, site, TWO);
  await page.getByTestId("unstored").getByText("gives the lab no storage (no storage in a private window)").waitFor();
  await showTable(page);
  await page.getByTestId("play").click();
  await finished(page, 2);
  await completes(page);
  assert.equal((await savedRuns(page)).length, 2);
  await page.screenshot({ path: `${shots}/no-storage.png` });
  assert.deepEqual(page.problems, []);
});

test("a checkpoint that cannot be written ends no run, nor does a stop", async ({ context, site }) => {
  // A clock that runs faster leaves a checkpoint every half second.
  await inWorkers(context, `{ const now = Date.now; Date.now = () => now() * 20; } ${FULL}`);
  const page = await open(context, site, LONG);
  const line = page.locator('[data-testid="runs"] [data-state="running"]');
  const step = async () => Number(/step (\d+) of/.exec(await line.innerText())?.[1] ?? 0);
  await page.getByTestId("play").click();
  await page.getByTestId("unstored").getByText("checkpoints, so a run that is broken off starts anew").waitFor();
  const said = await step();
  await expect.poll(step, { timeout: 60_000 }).toBeGreaterThan(said);
  await page.getByTestId("stop").click();
  await expect(line).toHaveCount(0);
  assert.equal(await page.locator('[data-testid="runs"] [data-state="failed"]').count(), 0);
  // In this visit it goes on from where it was: memory holds it.
  await page.getByTestId("play").click();
  await expect.poll(() => step().catch(() => 0), { timeout: 60_000 }).toBeGreaterThanOrEqual(said);
  await page.getByTestId("stop").click();
  assert.deepEqual(page.problems, []);
});

test("a storage that fills up ends no run, and room can be made", async ({ context, site, shots }) => {
  const page = await open(context, site, TWO.replace("to=32", "to=16"));
  await showTable(page);
  await page.getByTestId("play").click();
  await finished(page, 1);
  await expect(page.getByTestId("unstored")).toHaveCount(0);
  // From here on neither files nor local storage take anything.
  await page.evaluate(FULL);
  await page.evaluate(() => {
    let text = "x".repeat(1 << 20);
    for (let at = 0; text.length; at += 1) {
      try { localStorage.setItem(`fill-${at}`, text); } catch { text = text.slice(text.length / 2 + 0.5); }
    }
  });
  await Promise.all(page.workers().filter((worker) => worker.url().includes("worker_cpu")).map((worker) => worker.evaluate(FULL)));
  await page.getByTestId("seeds").fill("2");
  await page.getByTestId("seeds").dispatchEvent("change");
  await page.getByTestId("play").click();
  await finished(page, 2);
  const unstored = page.getByTestId("unstored");
  await unstored.getByText(/takes no more .* the result of a run; the tuned weights of a run/).waitFor();
  await completes(page);
  assert.equal((await savedRuns(page)).length, 2);
  await unstored.locator("summary").click();
  await unstored.getByTestId("held").getByText("Tuned weights of a run").waitFor();
  await page.screenshot({ path: `${shots}/full-storage.png` });
  await unstored.getByTestId("give-back").first().click();
  await expect(unstored.getByTestId("held").getByText("Tuned weights of a run")).toHaveCount(0);
});

test("of two tabs one trains and the other follows", async ({ context, site }) => {
  const first = await open(context, site, LONG.replace("from=2048&to=2048", "from=16&to=64"));
  const second = await open(context, site, LONG.replace("from=2048&to=2048", "from=16&to=64"));
  await showTable(second);
  await first.getByTestId("play").click();
  await first.waitForFunction(() => document.querySelector('[data-testid="runs"] [data-state="running"]'));
  await second.getByTestId("play").click();
  await second.getByTestId("summary").getByText("Another tab of this lab trains").waitFor();
  await finished(second, 1);
  assert.equal(await second.locator('[data-testid="runs"] [data-state="running"]').count(), 0, "both tabs train");
  // The one that trained is closed: the other takes over, from the checkpoint.
  await first.close();
  await finished(second, 3);
  const made = await points(second);
  assert.equal(new Set(made.map((row) => row[1])).size, 3, `each size once: ${made}`);
  assert.deepEqual(second.problems, []);
});

test("a run left half done is named at the next visit and goes on", async ({ context, site }) => {
  const left = await open(context, site, LONG);
  await left.getByTestId("play").click();
  const step = async (page) => Number(/step (\d+) of/.exec(await page.locator('[data-testid="runs"] [data-state="running"]').innerText())?.[1] ?? 0);
  await expect.poll(() => step(left), { timeout: 60_000 }).toBeGreaterThan(20);
  // Out of sight, it leaves a checkpoint at once, long before the ten seconds are over.
  await left.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const kept = await step(left);
  await left.waitForTimeout(1500);
  await left.close();

  const page = await open(context, site, LONG);
  const said = await page.getByTestId("half-done").innerText();
  const [, at] = /Full fine-tuning of story-230k on 2048 examples, seed 1, at step (\d+) of 3072/.exec(said) ?? assert.fail(said);
  assert.ok(Number(at) >= kept, `left at step ${at}, out of sight at ${kept}`);
  await page.getByTestId("go-on").click();
  await expect.poll(() => step(page).catch(() => 0), { timeout: 60_000 }).toBeGreaterThanOrEqual(Number(at));
  await expect(page.getByTestId("half-done")).toHaveCount(0);
  await page.getByTestId("stop").click();
});

test("own data that were pasted are there at the next visit", async ({ context, site }) => {
  const page = await open(context, site, "#data=own&device=cpu");
  const lines = Array.from({ length: 60 }, (_, i) => JSON.stringify({ prompt: `What is ${i} plus ${i}?`, completion: ` ${2 * i}` }));
  await page.getByTestId("paste").fill(lines.join("\n"));
  await page.getByTestId("use-text").click();
  const summary = await page.getByTestId("data-summary").innerText();
  await page.waitForTimeout(500);
  await page.reload();
  await expect(page.getByTestId("data-summary")).toHaveText(summary);
  // Files are kept as well, under their names.
  await page.getByTestId("files").setInputFiles({ name: "sums.jsonl", mimeType: "application/json", buffer: Buffer.from(lines.slice(0, 40).join("\n")) });
  await expect(page.getByTestId("data-summary")).not.toHaveText(summary);
  const other = await page.getByTestId("data-summary").innerText();
  await page.waitForTimeout(500);
  await page.reload();
  await expect(page.getByTestId("data-summary")).toHaveText(other);
  await page.getByText("sums.jsonl, tuning").waitFor();
  assert.deepEqual(page.problems, []);
});

/// A Chromium of one's own, with its data in `folder`; `kill` ends all of it as a crash would.
async function killable(folder) {
  const args = [...CHROMIUM.args, "--headless=new", `--user-data-dir=${folder}`, "--remote-debugging-port=0", "about:blank"];
  const child = spawn(CHROMIUM.executablePath, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
  const address = await new Promise((found, failed) => {
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
      const address = /DevTools listening on (ws:\S+)/.exec(said);
      if (address) found(address[1]);
    });
    child.on("exit", () => failed(new Error(said)));
  });
  const browser = await chromium.connectOverCDP(address);
  const ended = new Promise((ended) => child.on("exit", ended));
  const kill = async () => {
    process.kill(-child.pid, "SIGKILL");
    await ended;
  };
  return { context: browser.contexts()[0], kill };
}

test("a record is there after the browser is killed as soon as its run ends", async ({ site }) => {
  const folder = mkdtempSync(join(tmpdir(), "tunelab-"));
  for (let runs = 1; runs <= 3; runs += 1) {
    const { context, kill } = await killable(folder);
    const page = await open(context, site, TWO.replace("to=32", "to=16").replace("seeds=1", `seeds=${runs}`));
    await showTable(page);
    await finished(page, runs - 1);
    assert.equal((await points(page)).length, runs - 1, "what a killed browser had finished");
    await page.getByTestId("play").click();
    await finished(page, runs);
    await kill();
  }
  rmSync(folder, { recursive: true, force: true });
});
