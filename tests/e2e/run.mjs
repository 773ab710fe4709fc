// End-to-end tests: the built page in Chromium, driven as a visitor would. `node tests/e2e/run.mjs dist [name …]`
import { strict as assert } from "node:assert";
import { mkdirSync, readdirSync } from "node:fs";
import { launch, serve } from "./browser.mjs";

const [folder = "dist", ...only] = process.argv.slice(2);
const shots = process.env.SHOTS ?? "target/e2e";
mkdirSync(shots, { recursive: true });

const here = new URL(".", import.meta.url);
const files = readdirSync(here).filter((name) => name.endsWith(".test.mjs")).sort();
assert.ok(files.length > 0, "no test file was found");
const site = await serve(folder);
const browser = await launch();
let passed = 0;
const failed = [];
for (const file of files) {
  for (const [name, test] of Object.entries(await import(new URL(file, here)))) {
    if (only.length && !only.some((word) => name.includes(word))) continue;
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(60_000);
    const start = performance.now();
    try {
      await test({ context, site, shots });
      passed += 1;
      console.log(`ok ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed.push(name);
      console.log(`FAILED ${name}: ${error.stack}`);
      for (const [index, page] of context.pages().entries()) {
        await page.screenshot({ path: `${shots}/failed-${name}-${index}.png`, fullPage: true }).catch(() => {});
        console.log(`  ${(page.problems ?? []).join("\n  ")}`);
      }
    }
    await context.close();
  }
}
await browser.close();
site.close();
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length || !passed ? 1 : 0);
