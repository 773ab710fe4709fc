// The main job: Play → real training → points → fit → slider → new point.
import { strict as assert } from "node:assert";
import { open } from "./browser.mjs";
import { test } from "./fixtures.mjs";
import { finished, points, showTable, trains } from "./lab.mjs";

const SMALL = "#base=story-50k&task=weather&from=16&to=64&seeds=1&steps=12&batch=4";

/// Asks for one more size, the largest or the first that reaches `wanted`, and waits for its points.
async function slides_to_a_new_point(page, methods, wanted) {
  const before = (await points(page)).length;
  await page.getByTestId("size-slider").evaluate((slider, wanted) => {
    // The slider counts in even steps of log size: the first position that reaches the wanted size.
    const output = document.querySelector('[data-testid="size"]');
    for (let at = Number(slider.min); at <= Number(slider.max); at += 1) {
      slider.value = at;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      if (wanted && Number(output.textContent) >= wanted) break;
    }
    slider.dispatchEvent(new Event("change", { bubbles: true }));
  }, wanted);
  const size = await page.getByTestId("size").innerText();
  await page.getByTestId("train-point").click();
  await finished(page, before + methods);
  assert.ok((await points(page)).some((row) => row[1] === size), `${size} is among the points`);
  return Number(size);
}

test("cpu trains fits and adds a point", async ({ context, site, shots }) => {
  const page = await open(context, site, `${SMALL}&device=cpu&methods=full,lora,prompt`);
  await showTable(page);
  await trains(page, 3, 3);
  assert.match(await page.getByTestId("device").innerText(), /CPU/);
  await page.screenshot({ path: `${shots}/desktop-trained.png` });

  assert.ok((await slides_to_a_new_point(page, 3)) > 64);
  assert.deepEqual(page.problems, []);

  // What was trained is there at the next visit.
  const all = (await points(page)).length;
  await page.reload();
  await showTable(page);
  await finished(page, all);
});

test("the size slider follows pointer and arrow keys and trains where it is let go", async ({ context, site, shots }) => {
  // Beside the finished experiment, whose laws say what to expect.
  const page = await open(context, site, "#methods=lora&device=cpu");
  await showTable(page);
  await page.getByTestId("predicted").getByText(/LoRA [\d.]+ \(/).waitFor();
  const slider = page.getByTestId("size-slider");
  const seen = async () => {
    const size = Number(await page.getByTestId("size").innerText());
    assert.equal(await slider.getAttribute("aria-valuetext"), `${size} examples`);
    return { size, loss: Number(/LoRA ([\d.]+) \(/.exec(await page.getByTestId("predicted").innerText())?.[1]) };
  };
  const rows = async (size) => (await points(page)).filter((row) => row[1] === `${size}`).length;

  // By its thumb, down to small sizes and up again to one between those that have runs.
  await slider.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await slider.boundingBox();
  const at = (share) => [x + height / 2 + (width - height) * share, y + height / 2];
  const share = await slider.evaluate(({ value, min, max }) => (value - min) / (max - min));
  await page.mouse.move(...at(share));
  await page.mouse.down();
  await page.mouse.move(...at(0.08), { steps: 10 });
  const small = await seen();
  await page.mouse.move(...at(0.21), { steps: 10 });
  const held = await seen();
  assert.ok(small.size < held.size && small.loss > held.loss, JSON.stringify([small, held]));
  assert.equal(await rows(held.size), 0, "nothing is trained while the thumb is held");
  const before = (await points(page)).length;
  await page.mouse.up();
  await finished(page, before + 1);
  assert.equal(await rows(held.size), 1);
  await page.screenshot({ path: `${shots}/desktop-slider.png` });

  // Arrow keys move it a step each, and only that; the button beside it trains.
  await page.getByTestId("predicted").getByText(/LoRA [\d.]+ \(/).waitFor();
  const from = await seen();
  await page.keyboard.press("ArrowRight");
  const right = await seen();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  const left = await seen();
  assert.ok(left.size < from.size && from.size < right.size && left.loss > from.loss && from.loss > right.loss, JSON.stringify([left, from, right]));
  await page.waitForTimeout(500);
  assert.equal((await points(page)).length, before + 1);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await finished(page, before + 2);
  assert.equal(await rows(left.size), 1);
  assert.deepEqual(page.problems, []);
});

/// Lets the page see a GPU, whatever this browser has.
const offerGpu = (page) => page.addInitScript(() => {
  GPU.prototype.requestAdapter = async () => ({ info: { description: "A card" }, features: new Set(["timestamp-query"]) });
});

test("auto trains on the CPU and says why, also where a GPU is offered", async ({ context, site }) => {
  for (const offered of [false, true]) {
    const page = await context.newPage();
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    if (offered) await offerGpu(page);
    await page.goto(site.url);
    const badge = page.getByTestId("device").locator("summary");
    await badge.getByText("CPU").waitFor();
    await badge.click();
    assert.match(await page.getByTestId("device-reason").innerText(), /\w+.* CPU/);
    assert.ok(await page.getByTestId("device-best").isChecked());
    const workers = asked.filter((url) => /worker_\wpu/.test(url));
    assert.ok(workers.length > 0 && workers.every((url) => url.includes("worker_cpu")), workers.join());
    await page.close();
  }
});

test.describe("a GPU that cannot be opened leaves the work to the CPU, once, with the reason", () => {
  // The service worker would answer for the files that are changed here.
  test.use({ serviceWorkers: "block" });

  const faults = {
    "no program": [/could not be loaded/, (page) => page.route("**/worker_gpu_loader.js", (route) => route.fulfill({ status: 404 }))],
    "its program is still being built": [/still being built/, (page) => page.route(/where\/(#.*)?$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace("</head>", '<meta name="gpu-worker" content="building" /></head>') });
    })],
  };
  for (const [fault, [reason, plant]] of Object.entries(faults)) {
    test(fault, async ({ context, site }) => {
      const page = await context.newPage();
      await offerGpu(page);
      await plant(page);
      await page.goto(`${site.url}${SMALL.replace("to=64", "to=16")}&device=webgpu&methods=full`);
      await page.getByText(/WebGPU could not be started/).first().waitFor();
      assert.match(await page.getByText(/WebGPU could not be started/).first().innerText(), reason);
      assert.equal(await page.getByText(/WebGPU could not be started.*The CPU trains instead/).count(), 1);
      await showTable(page);
      await trains(page, 1, 1);
    });
  }
});

test("base and tuned complete the same prompt", async ({ context, site, shots }) => {
  const page = await open(context, site, `${SMALL.replace("to=64", "to=16")}&device=cpu&methods=full`);
  await showTable(page);
  await trains(page, 1, 1);
  await page.getByTestId("compare").click();
  for (const side of ["before", "after"]) {
    await page.waitForFunction((id) => {
      const side = document.querySelector(`[data-testid="${id}"]`);
      return side?.getAttribute("aria-busy") === "false" && side.textContent.trim().length > 3;
    }, side);
  }
  await page.screenshot({ path: `${shots}/before-after.png`, fullPage: true });
  assert.deepEqual(page.problems, []);
});

/// Enough of the visitor's own data for three small sizes; a task's own test split would take the software adapter long.
const sums = () => Array.from({ length: 80 }, (_, i) => JSON.stringify({ prompt: `${i} plus ${i}:`, completion: ` ${2 * i}` })).join("\n");

test("webgpu trains fits and adds a point", async ({ context, site, shots }) => {
  const page = await open(context, site, "#base=story-50k&data=own&from=16&to=32&seeds=1&steps=2&batch=8&device=webgpu&methods=full,lora");
  await page.getByTestId("files").setInputFiles({ name: "sums.jsonl", mimeType: "application/json", buffer: Buffer.from(sums()) });
  await page.getByTestId("data-summary").waitFor({ timeout: 120_000 });
  await showTable(page);
  await trains(page, 2, 2);
  assert.match(await page.getByTestId("device").innerText(), /WebGPU/);
  assert.ok((await slides_to_a_new_point(page, 2, 48)) < 64, "within the visitor's own data");
  await page.screenshot({ path: `${shots}/desktop-webgpu.png` });
  assert.deepEqual(page.problems, []);
});

test("a lost gpu costs at most the running cell", async ({ context, site }) => {
  const page = await open(context, site, "#base=story-50k&data=own&from=16&to=16&seeds=1&steps=6&batch=8&device=webgpu&methods=lora");
  await page.getByTestId("files").setInputFiles({ name: "sums.jsonl", mimeType: "application/json", buffer: Buffer.from(sums()) });
  await page.getByTestId("data-summary").waitFor({ timeout: 120_000 });
  await showTable(page);
  await page.getByTestId("play").click();
  await page.waitForFunction(() => document.querySelector('[data-state="running"], tr[data-state*="run"]'));
  await page.waitForTimeout(2000);
  // The process that drives the GPU dies, as at a driver's reset.
  const browser = await context.browser().newBrowserCDPSession();
  await browser.send("Browser.crashGpuProcess");
  await page.getByText(/GPU was lost|worker stopped/i).first().waitFor();
  await finished(page, 1);
});
