// A run that is paused, stopped, struck down with its worker or left with its tab goes on from where it was, to the
// very result of a run that nothing interrupts.
import { strict as assert } from "node:assert";
import { expect } from "@playwright/test";
import { open } from "./browser.mjs";
import { test } from "./fixtures.mjs";
import { finished, showTable } from "./lab.mjs";

/// One run, of 768 steps.
const RUN = "#base=story-50k&task=weather&from=512&to=512&seeds=1&batch=8&sequence=32&device=cpu&methods=full";
const STEPS = 768;
/// The worker's clock runs faster, so that it leaves a checkpoint every half second, not every ten.
const FASTER = 20;

// The service worker would answer for the file whose clock is set.
test.use({ serviceWorkers: "block" });
test.beforeEach(async ({ context }) => {
  await context.route("**/worker_cpu_loader.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `{ const now = Date.now; Date.now = () => now() * ${FASTER}; }\n${await response.text()}` });
  });
});

/// The lab with the one run, and every step that its line comes to show: `page.evaluate("steps")`.
async function openRun(context, site) {
  const page = await open(context, site, RUN);
  await showTable(page);
  await page.evaluate(() => {
    window.steps = [];
    new MutationObserver(() => {
      const shown = /step (\d+) of/.exec(document.querySelector('[data-testid="runs"] [data-state="running"]')?.textContent);
      if (shown && window.steps.at(-1) !== Number(shown[1])) window.steps.push(Number(shown[1]));
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  return page;
}

const reaches = (page, step) => page.waitForFunction((step) => window.steps.at(-1) >= step, step);
const now = (page) => page.evaluate(() => window.steps.at(-1));
/// The steps shown since `from`, which forgets those before.
const forget = (page) => page.evaluate(() => (window.steps = []));

/// The JSON in the files of this name that the runs have in the browser's storage: the whole of a record, a checkpoint's
/// header (a file of safetensors: the header's length in eight bytes, then the header). Its weights stay in the page:
/// a run ends while they are carried over.
const stored = (page, name) => page.evaluate(async (name) => {
  const read = [];
  try {
    let folder = await navigator.storage.getDirectory();
    for (const name of ["tunelab", "runs"]) folder = await folder.getDirectoryHandle(name);
    for await (const run of folder.values()) {
      const bytes = await (await (await run.getFileHandle(name)).getFile()).arrayBuffer();
      if (bytes.byteLength === 0) continue;
      const json = name === "checkpoint" ? bytes.slice(8, 8 + Number(new DataView(bytes).getBigUint64(0, true))) : bytes;
      read.push(JSON.parse(new TextDecoder().decode(json)));
    }
  } catch (error) {
    // Not there, or replaced while it was read.
    if (!["NotFoundError", "NotReadableError"].includes(error.name)) throw error;
  }
  return read;
}, name);

/// The step of the checkpoint in the browser's storage, once there is one.
async function checkpoint(page) {
  let step;
  const read = async () => {
    const [header] = await stored(page, "checkpoint");
    return (step = header ? JSON.parse(header.__metadata__.counters).step : 0);
  };
  await expect.poll(read, { message: "a checkpoint", intervals: [100], timeout: 60_000 }).toBeGreaterThan(0);
  assert.ok(step < STEPS, `the checkpoint is of step ${step}, the run's last`);
  return step;
}

/// What the page keeps of the one finished run, but for how long it took.
async function result(page) {
  await finished(page, 1);
  const records = await stored(page, "record.json");
  assert.equal(records.length, 1);
  const [{ wall_seconds, made, ...rest }] = records;
  assert.equal(rest.steps, STEPS);
  return rest;
}

/// The same run, which nothing interrupts: made once.
let whole;
async function uninterrupted(browser, site) {
  if (!whole) {
    const context = await browser.newContext();
    const page = await openRun(context, site);
    await page.getByTestId("play").click();
    whole = await result(page);
    await context.close();
  }
  return whole;
}

test("pause holds the step count still and go on ends in the same result", async ({ browser, context, site }) => {
  const page = await openRun(context, site);
  await page.getByRole("button", { name: "Play" }).click();
  await reaches(page, 50);
  await page.getByRole("button", { name: "Pause" }).click();
  await assertHeld(page);
  await page.getByRole("button", { name: "Go on" }).click();

  // The same with the keyboard alone: from Go on, which went on, to Pause and back.
  await reaches(page, (await now(page)) + 50);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await assertHeld(page);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  assert.deepEqual(await result(page), await uninterrupted(browser, site));
  assert.deepEqual(page.problems, []);
});

async function assertHeld(page) {
  await page.getByTestId("summary").getByText("Paused. 1 run to go").waitFor();
  await page.waitForTimeout(500);
  const held = await now(page);
  assert.ok(held < STEPS, "the run was over before it was paused");
  await page.waitForTimeout(2000);
  assert.equal(await now(page), held, "the run went on while paused");
}

test("stop leaves a checkpoint and play goes on from it", async ({ browser, context, site }) => {
  const page = await openRun(context, site);
  await page.getByRole("button", { name: "Play" }).focus();
  await page.keyboard.press("Enter");
  await reaches(page, 50);
  // From Play, which is disabled now, over Pause.
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByTestId("summary").getByText("1 run to train").waitFor();
  await page.waitForFunction(() => !document.querySelector('[data-testid="runs"] [data-state="running"]'));
  const [shown, kept] = [await now(page), await checkpoint(page)];
  assert.ok(kept >= shown, `stopped at step ${shown}, but the checkpoint is of step ${kept}`);
  await page.waitForTimeout(2000);
  assert.equal(await now(page), shown, "the run went on after Stop");

  await forget(page);
  await page.getByRole("button", { name: "Play" }).click();
  assert.deepEqual(await result(page), await uninterrupted(browser, site));
  await assertWentOnFrom(page, kept);
  assert.deepEqual(page.problems, []);
});

async function assertWentOnFrom(page, kept) {
  const steps = await page.evaluate(() => window.steps);
  assert.ok(Math.min(...steps) >= kept, `the run went on from step ${Math.min(...steps)}, its checkpoint was of ${kept}`);
}

test("a dead worker costs at most the running cell", async ({ browser, context, site }) => {
  const page = await openRun(context, site);
  await page.getByTestId("play").click();
  const kept = await checkpoint(page);
  const [worker, ...others] = page.workers().filter((worker) => worker.url().includes("worker_cpu"));
  assert.ok(worker && others.length === 0, "one run is trained by one worker");
  await forget(page);
  // Ending the worker's thread from outside is what a crash looks like to the page.
  const ended = worker.waitForEvent("close");
  await worker.evaluate(() => void setTimeout(() => { throw new Error("struck by the test"); }));
  await ended;
  await page.getByTestId("notices").getByText(/worker stopped \(.*struck by the test.*\)/).waitFor();
  assert.deepEqual(await result(page), await uninterrupted(browser, site));
  await assertWentOnFrom(page, kept);
});

test("a checkpoint is read back by the next visit", async ({ browser, context, site }) => {
  const left = await openRun(context, site);
  await left.getByTestId("play").click();
  const kept = await checkpoint(left);
  await left.close();

  const page = await openRun(context, site);
  assert.equal(await page.getByTestId("points").locator("tbody tr").count(), 0, "the run was over before the tab was closed");
  await page.getByTestId("play").click();
  assert.deepEqual(await result(page), await uninterrupted(browser, site));
  await assertWentOnFrom(page, kept);
  assert.deepEqual(page.problems, []);
});
