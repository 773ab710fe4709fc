// How the end-to-end tests run: the built site in the machine's Chromium, driven as a visitor would, one test at a time.
//   SITE=dist node_modules/.bin/playwright test --config tests/e2e [--grep "part of a name"]
// A test that fails leaves a screenshot of each page and a trace (`playwright show-trace`) under target/e2e/failed.
import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./browser.mjs";

export default defineConfig({
  testDir: ".",
  outputDir: "../../target/e2e/failed",
  // Training takes both cores; a software WebGPU adapter takes minutes.
  workers: 1,
  timeout: 900_000,
  forbidOnly: true,
  reporter: [["list"], ["./summary.mjs"]],
  use: {
    launchOptions: CHROMIUM,
    viewport: { width: 1440, height: 900 },
    actionTimeout: 60_000,
    screenshot: { mode: "only-on-failure", fullPage: true },
    // Without a film of the page, which would slow it down.
    trace: { mode: "retain-on-failure", screenshots: false },
  },
});
