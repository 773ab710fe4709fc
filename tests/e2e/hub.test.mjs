// Models of the visitor's own: from a hub, with its faults, and from files, with theirs.
import { strict as assert } from "node:assert";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "../../benches/checkpoint.mjs";
import { open } from "./browser.mjs";
import { test } from "./fixtures.mjs";
import { COMMIT, serveHub } from "./hub.mjs";

const GOLDEN = new URL("../golden/hub/", import.meta.url);
const tokenizer = readFileSync(new URL("tokenizers/gpt2.json", GOLDEN));
const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/// A tiny checkpoint's files; all of them know 272 tokens.
function tiny(family) {
  const read = (file) => readFileSync(new URL(`${family}/${file}`, GOLDEN));
  const files = { "config.json": read("config.json"), "tokenizer.json": tokenizer };
  if (family !== "llama") return { ...files, [WEIGHTS]: read(WEIGHTS) };
  const index = read(INDEX);
  const shards = new Set(Object.values(JSON.parse(index).weight_map));
  return { ...files, [INDEX]: index, ...Object.fromEntries([...shards].map((shard) => [shard, read(shard)])) };
}

const SETTINGS = "task=weather&from=16&to=16&seeds=1&steps=3&batch=4&sequence=24&device=cpu&methods=lora";
const fragment = (hub, more = SETTINGS) => `#${more}&hub=${encodeURIComponent(hub.url)}`;

/// Opens the page; what it asks of the hub is no problem, and a hub's refusals are what is tested.
async function openWith(context, site, hub, more) {
  const page = await open(context, site, fragment(hub, more));
  await page.getByTestId("bases").locator("input").first().waitFor();
  return page;
}

const faults = (page, hub) => page.problems.filter((problem) => !problem.includes(hub?.url ?? "no hub") && !/Failed to load resource/.test(problem));

async function unfold(page) {
  await page.getByTestId("load-model").first().evaluate((details) => (details.open = true));
}

async function look(page, address) {
  await unfold(page);
  await page.getByTestId("hub-address").fill(address);
  await page.getByTestId("hub-look").click();
}

async function download(page, address) {
  await look(page, address);
  await page.getByTestId("take").click();
  await page.getByTestId(`base-${address}`).waitFor();
}

const problem = async (page, within = 60_000) => {
  const line = page.getByTestId("load-problem");
  await line.waitFor({ timeout: within });
  const text = await line.innerText();
  await page.getByTestId("put-away-load").click();
  await line.waitFor({ state: "detached" });
  return text;
};

async function trained(page) {
  await page.getByTestId("play").click();
  await page.waitForFunction(() => document.querySelector('[data-testid="points"]')?.textContent.includes("wasm SIMD"), null, { timeout: 120_000 });
}

test("a model of a hub is looked at downloaded trained and kept", async ({ context, site, shots }) => {
  const hub = await serveHub({ "lab/tiny-neox": tiny("gpt_neox"), "lab/tiny-llama": tiny("llama") });
  const page = await openWith(context, site, hub);
  assert.equal(hub.asked.length, 0, "nothing is asked before the visitor asks");
  await look(page, "lab/tiny-neox");
  const sight = await page.getByTestId("sight").innerText();
  assert.match(sight, /gpt_neox/);
  assert.match(sight, /F16/);
  assert.equal(await page.getByTestId("fits").locator("tbody tr").count(), 4);
  assert.match(await page.getByTestId("fits").innerText(), /LoRA\s+\S+ [kM]?B\s+\d+ s for 3 steps/);
  await page.screenshot({ path: `${shots}/hub-seen.png`, fullPage: true });
  const tokens = () => page.getByTestId("data-summary").innerText();
  const counted = (than) => page.waitForFunction((than) => document.querySelector('[data-testid="data-summary"]')?.innerText !== than, than);
  const theirs = await tokens();
  await page.getByTestId("take").click();
  await page.getByTestId("base-lab/tiny-neox").waitFor();
  assert.ok(hub.asked.some(({ file, revision, cdn }) => file === WEIGHTS && revision === COMMIT && cdn), "weights come from the commit that was found");

  // It is a base like any other: trained, completed with, counted in its own tokens.
  assert.ok(await page.getByTestId("base-lab/tiny-neox").isChecked());
  await counted(theirs);
  const own = await tokens();
  await trained(page);
  await page.getByTestId("compare").click();
  await page.waitForFunction(() => document.querySelector('[data-testid="after"]')?.getAttribute("aria-busy") === "false" && document.querySelector('[data-testid="after"]').textContent.length > 0);
  assert.doesNotMatch(await page.getByTestId("after").innerText(), /shelf|storage/);
  await page.getByTestId("base-story-50k").check();
  await page.getByTestId("base-lab/tiny-neox").uncheck();
  await counted(own);
  assert.equal(await tokens(), theirs);

  // Shards too.
  await download(page, "lab/tiny-llama");
  assert.equal(new Set(hub.asked.filter(({ file }) => /-of-/.test(file ?? "")).map(({ file }) => file)).size, 3);

  // At the next visit it is there, and its run, without a word to the hub.
  const before = hub.asked.length;
  await page.goto("about:blank");
  await page.goto(`${site.url}${fragment(hub)}&base=lab/tiny-neox&view=try`);
  await page.getByTestId("shelf").getByText("lab/tiny-neox", { exact: true }).waitFor();
  assert.match(await page.getByTestId("shelf").innerText(), new RegExp(`revision ${COMMIT}`));
  assert.match(await page.getByTestId("storage").innerText(), /storage holds .* of at most/);
  await page.screenshot({ path: `${shots}/hub-shelf.png`, fullPage: true });
  await page.getByTestId("view-lab").click();
  await page.waitForFunction(() => document.querySelector('[data-testid="points"]')?.textContent.includes("wasm SIMD"));
  assert.equal(hub.asked.length, before);

  // Removed, it is gone, and the link says what to load.
  await page.getByTestId("view-try").click();
  await page.getByRole("button", { name: "Remove lab/tiny-neox" }).click();
  await page.getByTestId("shelf").getByText("lab/tiny-neox", { exact: true }).waitFor({ state: "detached" });
  await page.getByTestId("view-lab").click();
  assert.match(await page.getByTestId("missing-base").innerText(), /lab\/tiny-neox.*Load this model first/);
  assert.match(await page.getByTestId("summary").innerText(), /lab\/tiny-neox.*not on this shelf/);
  assert.equal(await page.getByTestId("hub-address").inputValue(), "lab/tiny-neox");
  assert.deepEqual(faults(page, hub), []);
  hub.close();
});

test("a broken download goes on where it broke", async ({ context, site }) => {
  const hub = await serveHub({ "lab/tiny-neox": tiny("gpt_neox") });
  const page = await openWith(context, site, hub);
  const ranges = () => hub.asked.filter(({ file, cdn }) => file === WEIGHTS && cdn).map(({ range }) => range);

  // The connection breaks twice; nobody has to do anything.
  let left = 2;
  hub.mood = ({ file, cdn }) => (file === WEIGHTS && cdn && ranges().length > 1 && left-- > 0 ? { drop: 10_000 } : {});
  await download(page, "lab/tiny-neox");
  assert.deepEqual(ranges().slice(1), [undefined, "bytes=10000-", "bytes=20000-"]);

  // Cancelled, reloaded, and taken up where it was; the parts already here are not asked for again.
  await page.getByTestId("view-try").click();
  await page.getByRole("button", { name: "Remove lab/tiny-neox" }).click();
  await page.getByTestId("shelf").getByText("lab/tiny-neox", { exact: true }).waitFor({ state: "detached" });
  await page.getByTestId("view-lab").click();
  hub.mood = ({ file, cdn }) => (file === WEIGHTS && cdn ? { slow: 150 } : {});
  await look(page, "lab/tiny-neox");
  await page.getByTestId("take").click();
  await page.getByText(/Downloading model.safetensors: [1-9]/).waitFor();
  await page.getByTestId("cancel").click();
  assert.match(await problem(page), /cancelled/);
  hub.mood = () => ({});
  await page.goto("about:blank");
  await page.goto(`${site.url}${fragment(hub)}&view=try`);
  await page.getByTestId("unfinished").getByRole("button", { name: "Go on" }).click();
  const shelf = page.getByTestId("shelf-load");
  await shelf.evaluate((details) => (details.open = true));
  assert.match(await page.getByTestId("take").innerText(), /are here/);
  const before = hub.asked.length;
  await page.getByTestId("take").click();
  await page.getByTestId("shelf").getByText("lab/tiny-neox", { exact: true }).waitFor();
  const after = hub.asked.slice(before);
  assert.match(after.find(({ file, cdn }) => file === WEIGHTS && cdn).range, /^bytes=[1-9]\d*-$/);
  assert.ok(!after.some(({ file }) => file === "config.json"), "what was here was asked for again");

  // A hub that ignores ranges, and one whose file changed meanwhile, send all of it again.
  for (const mood of [{ ignoreRange: true }, { tag: '"another"' }]) {
    await page.getByRole("button", { name: "Remove lab/tiny-neox" }).click();
    await page.getByTestId("shelf").getByText("lab/tiny-neox", { exact: true }).waitFor({ state: "detached" });
    let first = true;
    hub.mood = ({ file, cdn, range }) => {
      if (file !== WEIGHTS || !cdn) return {};
      if (range === undefined && !first) return mood.tag ? mood : {};
      if (range === undefined) return {};
      return mood;
    };
    await page.getByTestId("hub-address").fill("lab/tiny-neox");
    await page.getByTestId("hub-look").click();
    await page.getByTestId("take").waitFor();
    hub.mood = ({ file, cdn, range }) => {
      if (file !== WEIGHTS || !cdn) return {};
      if (first) return (first = false), { drop: 5000 };
      return range || mood.tag ? mood : {};
    };
    await page.getByTestId("take").click();
    await page.getByTestId("shelf").getByText("lab/tiny-neox", { exact: true }).waitFor();
  }
  assert.deepEqual(faults(page, hub), []);
  hub.close();
});

test("what a hub refuses is said in one sentence", async ({ context, site }) => {
  const damaged = tiny("qwen3");
  damaged[WEIGHTS] = Buffer.from(damaged[WEIGHTS]);
  const hub = await serveHub({ "lab/tiny-qwen": tiny("qwen3"), "lab/pickled": { ...tiny("gpt2"), [WEIGHTS]: undefined } });
  const page = await openWith(context, site, hub);
  const refused = async (mood, says, address = "lab/tiny-qwen") => {
    hub.mood = mood;
    await look(page, address);
    const text = await problem(page);
    assert.match(text, says);
    assert.ok(text.length < 300 && /^[^\n]+\.$/.test(text), `one sentence or two: ${text}`);
  };
  await refused(() => ({ status: 401 }), /401.*private or gated/);
  await refused(() => ({ status: 403 }), /403.*gated/);
  await refused(() => ({ status: 429 }), /429.*wait/);
  await refused(() => ({ status: 503 }), /fault of its own \(503\)/);
  await refused(() => ({ page: true }), /web page instead of config.json/);
  await refused(() => ({}), /404.*check the address/, "lab/none");
  await refused(() => ({}), /no model.safetensors of lab\/pickled/, "lab/pickled");
  await refused(() => ({}), /404.*revision/, "lab/tiny-qwen@v9");
  for (const [address, says] of [["gpt2", /owner\/name/], ["a/b@x y", /revision/]]) {
    await look(page, address);
    assert.match(await page.getByTestId("hub-problem").innerText(), says);
  }

  // What arrives is held against what was announced.
  hub.mood = ({ file, cdn }) => (file === WEIGHTS && cdn ? { tag: `"${"0".repeat(64)}"` } : {});
  await look(page, "lab/tiny-qwen");
  await page.getByTestId("take").click();
  assert.match(await problem(page), /SHA-256 differs/);

  // No tokenizer: known before the weights are fetched.
  hub.mood = ({ file }) => (file === "tokenizer.json" ? { status: 404 } : {});
  await look(page, "lab/tiny-qwen");
  await page.getByTestId("take").click();
  assert.match(await problem(page), /no tokenizer.json/);

  // Silence in the middle of a file: what came is kept.
  hub.mood = ({ file, cdn }) => (file === WEIGHTS && cdn ? { stall: 8000 } : {});
  await look(page, "lab/tiny-qwen");
  const stalled = await problem(page, 40_000);
  assert.match(stalled, /nothing for 20 s/);

  hub.close();
  await look(page, "lab/tiny-qwen");
  assert.match(await problem(page), /does not answer/);
  assert.equal(await page.getByTestId("bases").locator('input[type="checkbox"]').count() > 1, true, "the shelf stays");
  assert.deepEqual(faults(page, hub), []);
});

/// A folder on disk with these files.
function folder(name, files) {
  const path = join(mkdtempSync(join(tmpdir(), "tunelab-")), name);
  mkdirSync(path);
  for (const [file, bytes] of Object.entries(files)) if (bytes) writeFileSync(join(path, file), bytes);
  return path;
}

test("dropped files are a base for the visit or for good", async ({ context, site }) => {
  const page = await open(context, site, `#${SETTINGS}`);
  await unfold(page);
  await page.getByTestId("model-folder").setInputFiles(folder("my-neo", tiny("gpt_neo")));
  assert.match(await page.getByTestId("sight").innerText(), /gpt_neo/);
  await page.getByTestId("keep").uncheck();
  await page.getByTestId("take").click();
  await page.getByTestId("base-my-neo").waitFor();
  await trained(page);

  await page.getByTestId("model-files").setInputFiles(Object.entries(tiny("gpt2")).map(([name, buffer]) => ({ name, mimeType: "application/octet-stream", buffer })));
  await page.getByTestId("take").click();
  await page.getByTestId("base-my model").waitFor();

  // Kept, it is there at the next visit; held, it is not, and the page says so.
  await page.reload();
  await page.getByTestId("base-my model").waitFor();
  assert.equal(await page.getByTestId("base-my-neo").count(), 0);
  assert.match(await page.getByTestId("missing-base").innerText(), /my-neo.*Load this model first/);
  await page.getByTestId("base-my model").uncheck();
  await page.getByTestId("base-my model").check();
  await trained(page);
  assert.deepEqual(faults(page), []);
});

test("bad files are named and what is loaded stays", async ({ context, site }) => {
  const page = await open(context, site, `#${SETTINGS}`);
  await unfold(page);
  const good = tiny("qwen3");
  const config = (change) => Buffer.from(JSON.stringify({ ...JSON.parse(good["config.json"]), ...change }));
  const nan = Buffer.from(good[WEIGHTS]);
  nan.writeUInt16LE(0x7e00, nan.length - 2);
  const cases = [
    [{ ...good, [WEIGHTS]: good[WEIGHTS].subarray(0, 9000) }, /model.safetensors.*cut short/],
    [{ ...good, "config.json": Buffer.from("<!doctype html>") }, /config.json: it is a web page/],
    [{ ...good, "config.json": undefined }, /config.json: it is missing/],
    [{ ...good, "tokenizer.json": undefined }, /tokenizer.json: it is missing/],
    [{ ...good, "config.json": config({ intermediate_size: 48 }) }, /mlp.gate_proj.weight.*shape/],
    [{ ...good, "config.json": config({ num_hidden_layers: 3 }) }, /layers.2.*missing/],
    [{ ...good, "config.json": config({ model_type: "mamba" }) }, /mamba.*llama/],
  ];
  for (const [files, says] of cases) {
    await page.getByTestId("model-folder").setInputFiles(folder("bad", files));
    assert.match(await problem(page), says);
  }
  // A number that is none is found before the model is on the shelf.
  await page.getByTestId("model-folder").setInputFiles(folder("bad", { ...good, [WEIGHTS]: nan }));
  await page.getByTestId("take").click();
  assert.match(await problem(page), /NaN.*damaged/);

  // Ten gigabytes: known by the header alone, whether it lies or not.
  const lying = folder("ten-gigabytes", good);
  truncateSync(join(lying, WEIGHTS), 10 * 2 ** 30);
  await page.getByTestId("model-folder").setInputFiles(lying);
  assert.match(await problem(page), /model.safetensors.*cut short or damaged/);
  const { config: shape, head, data } = describe("xl");
  const large = folder("large", { ...good, "config.json": JSON.stringify(shape), [WEIGHTS]: head });
  truncateSync(join(large, WEIGHTS), head.length + data);
  await page.getByTestId("model-folder").setInputFiles(large);
  assert.match(await page.getByTestId("hopeless").innerText(), /program in a browser holds at most/);
  assert.ok(await page.getByTestId("take").isDisabled());
  for (const path of [lying, large]) rmSync(path, { recursive: true });
  assert.ok((await page.getByTestId("bases").locator('input[type="checkbox"]').count()) > 1);
  assert.deepEqual(faults(page), []);
});
