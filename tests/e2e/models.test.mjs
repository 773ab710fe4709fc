// Models out and in: what is trained here is downloaded, read by the native command line, added again and blended.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { strToU8, unzipSync, zipSync } from "fflate";
import { open } from "./browser.mjs";
import { test } from "./fixtures.mjs";

const BASE = "www/models/story-50k";
const TASK = ["--task", "weather", "--examples", "32", "--steps", "40", "--batch", "4"];
const SMALL = "#view=lab&base=story-50k&task=weather&from=32&to=32&seeds=1&steps=40&batch=4&device=cpu";

/// The native command line; LAB names a program that is built already.
const lab = (...args) => execFileSync(process.env.LAB ?? "./lab", args, { maxBuffer: 1 << 28, encoding: "utf8" });
const logits = (...args) => JSON.parse(lab("logits", "--base", ...args, "--text", "Tomorrow it will", "--json")).logits;
const apart = (a, b) => Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i][j]))));

async function trained(page, methods) {
  await page.getByTestId("play").click();
  await page.waitForFunction((count) => document.querySelectorAll('[data-testid="points"] tbody tr').length >= count, methods, { timeout: 240_000 });
  await page.getByTestId("view-try").click();
}

/// Clicks a download button and unpacks what comes: a folder's path, and its tunelab.json.
async function take(page, button, shots) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  const folder = join(shots, "downloads", download.suggestedFilename().replace(/\.zip$/, ""));
  rmSync(folder, { recursive: true, force: true });
  const zip = readFileSync(await download.path());
  for (const [name, bytes] of Object.entries(unzipSync(zip))) {
    const file = join(dirname(folder), name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const card = () => JSON.parse(readFileSync(join(folder, "tunelab.json"), "utf8"));
  return { folder, zip, card };
}

const run = (page, method) => page.getByTestId("made").filter({ hasText: method });

/// What each model on screen says to the prompt, likeliest tokens only.
async function completions(page, prompt) {
  await page.getByTestId("try-prompt").fill(prompt);
  await page.getByTestId("try").click();
  await page.waitForFunction(() => {
    const sides = [...document.querySelectorAll('[data-testid="completion"]')];
    return sides.length && sides.every((side) => side.getAttribute("aria-busy") === "false" && side.textContent.trim());
  });
  return page.getByTestId("completion").allTextContents();
}

test("what is made here opens elsewhere", async ({ context, site, shots }) => {
  const page = await open(context, site, `${SMALL}&methods=full,lora,prompt`);
  await trained(page, 3);
  assert.equal(await run(page, "Prompt").getByTestId("download-merged-model").count(), 0);

  const plain = logits(BASE);
  const lora = await take(page, run(page, "LoRA").getByTestId("download-adapter"), shots);
  const merged = await take(page, run(page, "LoRA").getByTestId("download-merged-model"), shots);
  const prompt = await take(page, run(page, "Prompt").getByTestId("download-adapter"), shots);
  const full = await take(page, run(page, "Full").getByTestId("download-model"), shots);
  const base = await take(page, page.getByTestId("shelf").getByTestId("download-base").first(), shots);
  assert.deepEqual(logits(base.folder), plain);

  // The same spec trained natively is the same run, up to rounding.
  for (const [method, ...downloads] of [["lora", lora, merged], ["prompt", prompt], ["full", full]]) {
    const out = join(shots, "downloads", `native-${method}`);
    const record = JSON.parse(lab("finetune", "--base", BASE, ...TASK, "--method", method, "--seed", "0", "--out", out, "--json"));
    const adapter = (folder) => (method === "full" ? logits(folder) : logits(BASE, "--adapter", folder));
    const native = adapter(out);
    assert.ok(apart(native, plain) > 0.1, `${method} changed nothing`);
    for (const { folder, card } of downloads) {
      const made = card();
      assert.equal(made.run, record.id, method);
      assert.ok(Math.abs(made.test_nats_per_token - record.test.nats_per_token) < 1e-3, method);
      assert.match(made.data_sha256, /^[0-9a-f]{64}$/);
      const theirs = folder === merged.folder ? logits(folder) : adapter(folder);
      const off = apart(theirs, native);
      console.log(`   ${folder.split("/").pop()}: logits within ${off.toExponential(1)} of the native run's, ${apart(theirs, plain).toFixed(2)} from the base's`);
      assert.ok(off < 1e-2, `${method}: ${off}`);
    }
  }
  assert.ok(apart(logits(merged.folder), logits(BASE, "--adapter", lora.folder)) < 1e-4);

  // What the page says, the files say.
  await page.getByTestId("try-add").selectOption({ label: await run(page, "LoRA").locator("span").innerText() });
  const said = await completions(page, "Tomorrow it will");
  const titles = await page.locator(".sides h3").allTextContents();
  const native = lab("generate", "--base", BASE, "--adapter", lora.folder, "--prompt", "Tomorrow it will", "--tokens", "64");
  assert.equal("Tomorrow it will" + said[titles.findIndex((title) => title.startsWith("LoRA"))], native.trimEnd());
  await page.screenshot({ path: `${shots}/try.png`, fullPage: true });
  assert.deepEqual(page.problems, []);
});

test("adapters come in and blend", async ({ context, site, shots }) => {
  const page = await open(context, site, `${SMALL}&methods=lora,prompt`);
  await trained(page, 2);
  const lora = await take(page, run(page, "LoRA").getByTestId("download-adapter"), shots);
  const prompt = await take(page, run(page, "Prompt").getByTestId("download-adapter"), shots);
  const files = page.getByTestId("adapter-files");
  const zip = (name, buffer) => ({ name, mimeType: "application/zip", buffer: Buffer.from(buffer) });
  await files.setInputFiles(zip("mine.zip", lora.zip));
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="adapters"] li').length === 1);
  await files.setInputFiles(["adapter_config.json", "adapter_model.safetensors"].map((file) => join(prompt.folder, file)));
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="adapters"] li').length === 2);

  // Refused, each with its reason.
  const entries = unzipSync(lora.zip);
  const weights = Object.keys(entries).find((name) => name.endsWith(".safetensors"));
  const refused = async (bytes, reason, base = "story-50k") => {
    await page.getByTestId("adapter-base").selectOption(base);
    await files.setInputFiles(zip("bad.zip", bytes));
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('[data-testid="adapter-problem"]')?.textContent), reason.source);
    console.log(`   ${await page.getByTestId("adapter-problem").innerText()}`);
  };
  await refused(lora.zip, /made for story-50k.*choose that base/, "story-110k");
  const bare = Object.fromEntries(Object.entries(entries).filter(([name]) => !name.endsWith("tunelab.json")));
  await refused(zipSync(bare), /its shape is \[8, 32\], not \[8, 48\]/, "story-110k");
  await refused(zipSync({ "adapter_config.json": strToU8("{}") }), /adapter_model\.safetensors is not there/);
  await refused(zipSync({ "../adapter_config.json": strToU8("{}") }), /leads out of the archive/);
  await refused(zipSync({ "a/adapter_config.json": strToU8("{}"), "b/adapter_config.json": strToU8("{}") }), /more than once/);
  await refused(zipSync({ ...bare, [weights]: entries[weights].slice(0, 200) }), /adapter_model\.safetensors/);
  await refused(lora.zip.subarray(0, 400), /no complete \.zip/);
  const bomb = zipSync({ "adapter_config.json": new Uint8Array(600 << 20), "adapter_model.safetensors": strToU8("x") }, { level: 9 });
  await refused(bomb, /the limit is 536870912/);

  // Kept, and used beside base and tuned: half twice is once, and the opposite takes it away.
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="adapters"] li').length === 2);
  await page.getByTestId("adapters").getByLabel("Name of the adapter").nth(1).fill("my own");
  await page.getByTestId("adapters").getByLabel("Name of the adapter").nth(1).press("Enter");
  await page.waitForFunction(() => [...document.querySelectorAll('[data-testid="try-add"] option')].some((option) => option.textContent === "my own"));
  await page.getByTestId("try-add").selectOption({ label: await run(page, "LoRA").locator("span").innerText() });
  await page.getByTestId("try-add").selectOption({ label: "my own" });
  await page.getByTestId("blend").evaluate((details) => (details.open = true));
  const weigh = (at, weight) => page.getByTestId("weight").nth(at).evaluate((slider, weight) => {
    slider.value = weight;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, weight);
  await weigh(0, 0.5);
  await weigh(1, 0.5);
  const spoken = async () => Object.fromEntries((await completions(page, "Tomorrow it will")).map((text, at) => [at, text]));
  const halves = Object.values(await spoken());
  const titles = await page.locator(".sides h3").allTextContents();
  console.log(`   ${titles.join(" | ")}`);
  const at = (part) => titles.findIndex((title) => title.includes(part));
  assert.equal(halves[at("×")], halves[at("LoRA of story-50k")], "half twice is once");
  assert.equal(halves[at("my own")], halves[at("LoRA of story-50k")], "the added adapter is the run's");
  assert.notEqual(halves[at("(base)")], halves[at("LoRA of story-50k")]);
  await page.screenshot({ path: `${shots}/blend.png`, fullPage: true });
  await weigh(1, -0.5);
  const opposite = Object.values(await spoken());
  assert.equal(opposite[at("×")], opposite[at("(base)")], "an adapter and its opposite are nothing");
  const blended = await take(page, page.getByTestId("download-blended-model"), shots);
  assert.ok(apart(logits(blended.folder), logits(BASE)) < 1e-3);
  assert.deepEqual(page.problems, []);
});

test("chats in turns", async ({ context, site, shots }) => {
  const page = await open(context, site, "#view=try&device=cpu");
  await page.getByTestId("chat-mode").click();
  for (const [turn, text] of ["Who are you?", "And then?"].entries()) {
    await page.getByTestId("chat-turn").fill(text);
    await page.getByTestId("try").click();
    await page.waitForFunction((turn) => document.querySelectorAll(".turn.user").length > turn, turn);
    await page.waitForFunction(() => document.querySelector('[data-testid="completion"]')?.getAttribute("aria-busy") === "false" && document.querySelector('[data-testid="pace"]'));
  }
  const read = await page.getByTestId("reading").textContent();
  assert.match(read, /^user: Who are you\?\nassistant: [^]*\nuser: And then\?\nassistant:$/);
  assert.match(await page.getByTestId("pace").innerText(), /^\d+ tokens · [\d.]+ a second$/);
  await page.screenshot({ path: `${shots}/chat.png`, fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${shots}/chat-phone.png`, fullPage: true });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
  assert.deepEqual(page.problems, []);
});
