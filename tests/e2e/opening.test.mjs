// How the lab opens: without a network after one visit, and with a reason where it cannot.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { open, serve } from "./browser.mjs";
import { test as base } from "./fixtures.mjs";
import { showTable, trains } from "./lab.mjs";

const RUN = "#base=story-50k&task=weather&from=16&to=16&seeds=1&steps=3&batch=4&device=cpu&methods=full";

/// A copy of the site on a host of its own, which a test may change and close.
const test = base.extend({
  copy: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "copy-"));
    cpSync(process.env.SITE ?? "dist", folder, { recursive: true });
    const site = await serve(folder);
    await use({ folder, site });
    site.close();
    rmSync(folder, { recursive: true });
  },
});

const offline = (page) => page.evaluate(() => document.documentElement.dataset.offline);
const becomes = (page, state) => expect.poll(() => offline(page), { timeout: 60_000 }).toBe(state);

/// Opens a tab after the host is gone, and trains there.
async function trainsWithout(site, context, fragment = RUN) {
  site.close();
  const page = await open(context, site, fragment);
  await showTable(page);
  await trains(page, 1, 1);
  return page;
}

test("opens and trains without a network after one visit, also on what it did not show", async ({ context, copy: { site } }) => {
  const page = await open(context, site, RUN);
  await becomes(page, "ready");
  await page.getByTestId("device").locator("summary").click();
  await page.getByText("Stored: the lab opens without a network.").waitFor();
  const without = await trainsWithout(site, context, RUN.replace("story-50k", "story-110k"));
  await without.getByTestId("view-laws").click();
  await without.locator("canvas").first().waitFor();
});

test("a first visit that broke off is made good by the next", async ({ context, copy: { site } }) => {
  site.refuses = (path) => path.includes("story-600k");
  const page = await open(context, site, RUN);
  await becomes(page, "refused");
  site.refuses = () => false;
  await page.reload();
  await becomes(page, "ready");
  await trainsWithout(site, context, RUN.replace("story-50k", "story-600k"));
});

test("a new build takes over at the next visit, and works without a network in its turn", async ({ context, copy: { site, folder } }) => {
  const page = await open(context, site, RUN);
  await becomes(page, "ready");
  const index = join(folder, "index.html");
  writeFileSync(index, readFileSync(index, "utf8").replace(/<title>.*<\/title>/, "<title>A new build</title>"));
  execFileSync("node", ["www/finish.mjs", folder]);
  await page.reload();
  assert.equal(await page.title(), "A new build");
  const hash = JSON.parse(/^const FILES = (.*);$/m.exec(readFileSync(join(folder, "sw.js"), "utf8"))[1])["index.html"];
  const indexes = () => page.evaluate(async () => (await (await caches.open("tunelab-files")).keys()).map(({ url }) => url).filter((url) => url.includes("index.html")));
  await expect.poll(async () => (await indexes()).map((url) => url.split("?")[1]), { timeout: 60_000 }).toEqual([hash]);
  assert.equal(await (await trainsWithout(site, context)).title(), "A new build");
});

test("a storage too small is said", async ({ context, copy: { site } }) => {
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: new URL(site.url).origin, quotaSize: 500_000 });
  await page.goto(site.url + RUN);
  await becomes(page, "refused");
  await page.getByTestId("device").locator("summary").click();
  await page.getByText("This browser did not store the lab").waitFor();
});

base.describe("why the lab cannot open is said within five seconds", () => {
  base.use({ serviceWorkers: "block" });

  const says = async (page, reason) => expect.poll(() => page.locator("#loading").innerText(), { timeout: 5000 }).toMatch(reason);
  // As a browser does that does not know the instructions.
  const withoutSimd = () => {
    const refuse = () => Promise.reject(new WebAssembly.CompileError("invalid numeric opcode"));
    Object.assign(WebAssembly, { validate: () => false, instantiate: refuse, instantiateStreaming: refuse });
  };
  const withoutWasm = () => delete window.WebAssembly;
  for (const [what, prepare, reason] of [["no SIMD", withoutSimd, /no SIMD/], ["no WebAssembly", withoutWasm, /no WebAssembly/]]) {
    base(what, async ({ page, site }) => {
      await page.addInitScript(prepare);
      await page.goto(site.url);
      await says(page, reason);
    });
  }

  base("a policy that forbids WebAssembly", async ({ page }) => {
    const site = await serve(process.env.SITE ?? "dist", { "content-security-policy": "script-src 'self'" });
    await page.goto(site.url);
    await says(page, /do not let WebAssembly run/);
    site.close();
  });

  base("a program that does not arrive", async ({ page, site }) => {
    await page.route(/app-[0-9a-f]+\.js/, (route) => route.fulfill({ status: 404 }));
    await page.goto(site.url);
    await says(page, /app-[0-9a-f]+\.js could not be loaded|Failed to fetch|cannot start/);
  });
});
