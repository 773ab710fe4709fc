// What every test is given beside the browser: the built site, and a folder for pictures of it.
import { mkdirSync } from "node:fs";
import { test as base } from "@playwright/test";
import { serve } from "./browser.mjs";

export const test = base.extend({
  site: [async ({}, use) => {
    const site = await serve(process.env.SITE ?? "dist");
    await use(site);
    site.close();
  }, { scope: "worker" }],

  shots: [async ({}, use) => {
    const shots = process.env.SHOTS ?? "target/e2e";
    mkdirSync(shots, { recursive: true });
    await use(shots);
  }, { scope: "worker" }],

  /// What went wrong in the pages of a test that fails stands beside the failure.
  problems: [async ({ context }, use, info) => {
    await use();
    if (info.status !== info.expectedStatus) context.pages().flatMap((page) => page.problems ?? []).forEach((problem) => console.log(problem));
  }, { auto: true }],
});
