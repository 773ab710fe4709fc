// The page around the main job: phone, accessibility, the visitor's own data.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "@playwright/test";
import { open } from "./browser.mjs";
import { test } from "./fixtures.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/// What a chart says while the pointer runs down some of its columns (parts of its width).
async function tips(page, chart, columns) {
  const { x, y, width, height } = await chart.boundingBox();
  const said = new Set();
  for (const column of columns) {
    for (let down = 0.08; down < 0.9; down += 0.01) {
      await page.mouse.move(x + width * column, y + height * down);
      const shown = await chart.evaluate((chart) => [...chart.children].slice(1).filter((tip) => tip.checkVisibility({ visibilityProperty: true })).map((tip) => tip.innerText));
      shown.forEach((tip) => said.add(tip.replaceAll("\n", ", ")));
    }
  }
  return [...said];
}

test("opens with a finished experiment", async ({ context, site, shots }) => {
  const page = await open(context, site);
  await page.getByTestId("precomputed").waitFor();
  await page.locator('[data-testid="scaling-plot"] canvas, [data-testid="scaling-plot"] svg').first().waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="findings"]')?.textContent.trim().length > 20);
  await page.screenshot({ path: `${shots}/desktop.png` });
  await page.screenshot({ path: `${shots}/desktop-full.png`, fullPage: true });
  const said = await tips(page, page.getByTestId("scaling-plot"), [0.3, 0.5, 0.7]);
  assert.ok(said.some((tip) => /law.*β = /i.test(tip)), `no law answers the pointer: ${said.join(" | ")}`);
  assert.deepEqual(page.problems, []);
});

test("fits a phone light and dark", async ({ context, site, shots }) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(context, site);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme });
    await page.reload();
    await page.getByTestId("precomputed").waitFor();
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `${shots}/phone-${colorScheme}.png` });
    await page.screenshot({ path: `${shots}/phone-${colorScheme}-full.png`, fullPage: true });
    for (const view of ["about", "try", "laws", "lab"]) {
      await page.getByTestId(`view-${view}`).click();
      await page.waitForTimeout(500);
      for (const width of [320, 390]) {
        await page.setViewportSize({ width, height: 844 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wide <= 0, `${view} is ${wide} px too wide for a phone of ${width}`);
      }
    }
    await page.getByTestId("device").locator("summary").click();
    for (const width of [320, 390]) {
      await page.setViewportSize({ width, height: 844 });
      await expect(page.getByTestId("device-cpu"), `the device menu on a phone of ${width}`).toBeInViewport();
    }
    await page.close();
  }
});

test("every view is accessible", async ({ context, site, shots }) => {
  for (const view of ["lab", "laws", "try", "about"]) {
    const page = await open(context, site, `#view=${view}`);
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `${shots}/view-${view}.png`, fullPage: true });
    assert.deepEqual(await violations(page), [], view);
    await page.close();
  }
});

test("own data are read or refused with a reason", async ({ context, site }) => {
  const page = await open(context, site, "#data=own&device=cpu");
  const lines = Array.from({ length: 60 }, (_, i) => JSON.stringify({ prompt: `What is ${i} plus ${i}?`, completion: ` ${2 * i}` }));
  await page.getByTestId("files").setInputFiles({ name: "sums.jsonl", mimeType: "application/json", buffer: Buffer.from(lines.join("\n")) });
  await page.getByTestId("data-summary").waitFor();
  await page.getByTestId("files").setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]) });
  await page.getByTestId("data-problem").waitFor();
  assert.match(await page.getByTestId("data-problem").innerText(), /photo\.png/);
  await page.getByTestId("data-summary").waitFor();

  // A bad line is named; left out on demand. Sizes and sequence follow the data.
  const long = lines.map((line, i) => (i === 7 ? "{broken" : line.replace("What", "Tell me, please, step by step, what".repeat(12))));
  await page.getByTestId("files").setInputFiles({ name: "long.jsonl", mimeType: "application/json", buffer: Buffer.from(long.join("\n")) });
  await page.getByTestId("data-problem").getByText("long.jsonl, line 8").waitFor();
  await page.getByTestId("skip-bad-lines").check();
  await page.getByText("1 left out").waitFor();
  await page.getByTestId("limits").getByText(/The sizes end at \d+, all there are to train on/).waitFor();
  await page.getByTestId("data").getByText(/none is cut \(the sequence is 256\)/).waitFor();
  await page.getByTestId("play").click();
  await page.getByTestId("points").locator("tbody tr").first().waitFor({ state: "attached" });
  assert.deepEqual(page.problems, []);
});

test("no task over 50 ms while training", async ({ context, site }) => {
  const page = await open(context, site, "#base=story-50k&task=weather&from=16&to=64&seeds=1&steps=40&batch=8&device=cpu&methods=full,lora");
  await page.waitForTimeout(3000);
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.longest = Math.max(window.longest, entry.duration)))).observe({ type: "longtask" });
  });
  await page.getByTestId("play").click();
  await page.waitForTimeout(15_000);
  const longest = await page.evaluate(() => window.longest);
  // Timing on a shared machine is noise: the figure is printed, and only what no noise makes fails.
  console.log(`   longest task while training: ${longest} ms`);
  assert.ok(longest < 500, `a task of ${longest} ms blocked the page`);
});

test("a column chosen is read at once and stays", async ({ context, site }) => {
  const page = await open(context, site, "#data=own&device=cpu");
  const rows = Array.from({ length: 60 }, (_, i) => `${i},Name the number after ${i}.,Be brief.,${i + 1}`);
  const csv = ["row,question,manner,answer", ...rows].join("\n");
  await page.getByTestId("files").setInputFiles({ name: "next.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  const [prompt, completion] = [page.getByTestId("column-prompt"), page.getByTestId("column-completion")];
  await expect(prompt).toHaveValue("question");
  await expect(completion).toHaveValue("answer");
  await prompt.selectOption("manner");
  await page.getByTestId("data").getByText("manner → prompt").waitFor();
  await completion.selectOption("row");
  await page.getByTestId("data").getByText("row → completion").waitFor();
  await expect(prompt).toHaveValue("manner");
  await expect(completion).toHaveValue("row");
});

test("where no column is known to answer, the page asks which does", async ({ context, site }) => {
  const page = await open(context, site, "#data=own&device=cpu");
  const rows = Array.from({ length: 60 }, (_, i) => `Name the number after ${i}.,page ${i},it is ${i + 1},or ${i + 2}`);
  const csv = ["question,found,one,two", ...rows].join("\n");
  await page.getByTestId("files").setInputFiles({ name: "next.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await page.getByTestId("data-problem").getByText("which column answers “question”").waitFor();
  const [prompt, completion] = [page.getByTestId("column-prompt"), page.getByTestId("column-completion")];
  await expect(completion).toHaveValue("");
  await prompt.selectOption("question");
  await completion.selectOption("two");
  await page.getByTestId("data").getByText("two → completion").waitFor();
  await expect(page.getByTestId("data-problem")).toHaveCount(0);
  await expect(prompt).toHaveValue("question");
});

test("a file dropped beside its place does not take the lab's", async ({ context, site }) => {
  const page = await open(context, site, "#device=cpu");
  const prevented = await page.evaluate(() => {
    const drop = (type) => !document.querySelector("h1").dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true }));
    return [drop("dragover"), drop("drop")];
  });
  assert.deepEqual(prevented, [true, true]);
  await page.getByTestId("notices").getByText("Drop files on").waitFor();
});

test("the precomputed and the base tried are those of the experiment", async ({ context, site }) => {
  const page = await open(context, site, "#device=cpu&base=story-110k");
  await expect(page.getByTestId("precomputed")).toHaveCount(0);
  await page.getByTestId("base-story-50k").waitFor();
  await page.getByTestId("view-try").click();
  await page.getByTestId("try-models").getByText("story-110k").first().waitFor();
});

test("the last evaluation shows how far it is", async ({ context, site }) => {
  const page = await open(context, site, "#base=story-1.4m&task=weather&from=16&to=16&seeds=1&steps=2&device=cpu&methods=full");
  await page.evaluate(() => {
    window.said = new Set();
    new MutationObserver(() => window.said.add(document.querySelector('[data-testid="runs"] [data-state="running"]')?.textContent))
      .observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await page.getByTestId("play").click();
  await page.getByTestId("points").locator("tbody tr").first().waitFor({ state: "attached" });
  const said = await page.evaluate(() => [...window.said]);
  assert.ok(said.some((line) => /trained, testing.*batch \d+ of 32/.test(line)), said.join("\n"));
});

test("a size asked for of one method trains that method, and says so", async ({ context, site }) => {
  const page = await open(context, site, "#view=laws&device=cpu");
  const advised = page.getByTestId("advice").locator("li").first();
  const [, method, size] = /^(.+) on (\d+) examples/.exec(await advised.innerText());
  await advised.getByTestId("train-this").click();
  await page.getByTestId("notices").getByText(`Next: ${method} on ${size} examples`).waitFor();
  await advised.getByText("Training…").waitFor();
  await page.getByTestId("view-lab").click();
  await page.getByTestId("run-counts").getByText(/\b1 training/).waitFor();
  assert.doesNotMatch(await page.getByTestId("run-counts").innerText(), /waiting/);
  await page.getByTestId("stop").click();
});

test("a backtest is revealed on the plot", async ({ context, site, shots }) => {
  const page = await open(context, site, "#view=laws&device=cpu");
  await page.getByTestId("fit").first().waitFor();
  await page.getByTestId("backtest").click();
  await page.getByTestId("backtest-said").getByText(/hidden, predicted .* revealed: .* was wrong by [\d.]+%/).waitFor();
  await page.screenshot({ path: `${shots}/backtest.png` });
});

test("points that cannot be read leave none of the old ones", async ({ context, site }) => {
  const page = await open(context, site, "#view=laws&device=cpu");
  const file = (name, text) => page.getByTestId("import").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
  await file("good.csv", "d,loss\n16,3.1\n32,n/a\n64,2.4\n128,2.1\n256,1.9\n");
  await page.getByTestId("import-summary").getByText("4 points of good.csv").waitFor();
  await expect(page.getByTestId("records-json"), "the lab's runs beside a file's points").toHaveCount(0);
  await expect(page.getByTestId("transfer-needs")).toContainText("group column");
  await file("bad.csv", "a,b\n1,2\n3\n");
  await page.getByTestId("import-problem").getByText("bad.csv").waitFor();
  await expect(page.getByTestId("import-summary")).toHaveCount(0);
  await expect(page.getByTestId("records-json")).toHaveCount(1);
});

test("a word explains itself by keyboard and touch", async ({ context, site }) => {
  const page = await open(context, site, "#device=cpu");
  const said = page.locator("#term-loss");
  await expect(said).toBeHidden();
  await page.locator("figure").getByTestId("term-loss").focus();
  await page.keyboard.press("Enter");
  await expect(said).toBeVisible();
  await expect(said).toContainText("How surprised the model is");
  await page.keyboard.press("Escape");
  await expect(said).toBeHidden();
  await page.getByTestId("findings").getByTestId("term-exponent").first().click();
  await expect(page.locator("#term-exponent")).toBeVisible();
  for (const word of await page.locator("figure .term:visible").all()) {
    const { width, height } = await word.boundingBox();
    assert.ok(Math.min(width, height) >= 24, `${await word.innerText()} is ${width} by ${height}`);
  }
  // What follows comes before how it was fitted.
  assert.match(await page.getByTestId("findings").locator("li").first().innerText(), /off the loss[\s\S]*β = /);
});

test("the walk is skipped for good, and begun again", async ({ context, site, shots }) => {
  const page = await open(context, site, "#device=cpu", { walk: true });
  const walk = page.getByTestId("walk");
  await walk.getByText("1 of 5").waitFor();
  await page.screenshot({ path: `${shots}/walk.png` });
  for (const stop of [2, 3, 4, 5]) {
    await page.getByTestId("walk-next").click();
    await walk.getByText(`${stop} of 5`).waitFor();
    await expect(page.locator(".walked")).toHaveCount(1);
  }
  await page.getByTestId("walk-next").click();
  await expect(walk).toHaveCount(0);
  await page.reload();
  await page.getByTestId("findings").waitFor();
  await expect(walk).toHaveCount(0);
  await page.getByTestId("view-about").click();
  await page.getByTestId("walk-again").click();
  await walk.getByText("1 of 5").waitFor();
  await page.getByTestId("walk-skip").click();
  await expect(walk).toHaveCount(0);
});

test("back stays in the lab", async ({ context, site }) => {
  const page = await open(context, site, "#device=cpu");
  await page.getByTestId("view-laws").click();
  await page.getByTestId("laws").waitFor();
  await page.getByTestId("view-about").click();
  await page.getByText("About this lab").waitFor();
  await page.goBack();
  await page.getByTestId("laws").waitFor();
  await page.goBack();
  await page.getByTestId("scaling-plot").waitFor();
  await page.goForward();
  await page.getByTestId("laws").waitFor();
  assert.match(page.url(), /view=laws/);
  // A setting changed in between stays.
  await page.getByTestId("law").selectOption("power");
  await page.goBack();
  await page.getByTestId("scaling-plot").waitFor();
  assert.match(page.url(), /law=power/);
});

test("runs are sampled while they train, cleared, and brought back", async ({ context, site }) => {
  const page = await open(context, site, "#base=story-50k&task=headlines&from=512&to=512&seeds=1&device=cpu&methods=full&steps=400");
  await page.getByTestId("play").click();
  await page.getByTestId("sample").getByText(/What it says at step \d+/).waitFor();
  await page.getByTestId("sample").getByText("The data say:").waitFor();
  const rows = page.getByTestId("points").locator("tbody tr");
  await page.getByTestId("clear-runs").waitFor();
  const count = await rows.count();
  await page.getByTestId("clear-runs").click();
  await expect(rows).toHaveCount(count - 1);
  await page.getByTestId("undo").click();
  await expect(rows).toHaveCount(count);
  await page.getByTestId("clear-runs").click();
  await page.getByTestId("notices").getByText("The run is removed").locator("..").getByLabel("Dismiss").click();
  await page.waitForTimeout(500);
  await page.reload();
  await page.getByTestId("findings").waitFor();
  await expect(rows).toHaveCount(count - 1);
});

test("zoomed in fourfold the plot fits and nothing lies over it", async ({ context, site, shots }) => {
  const page = await open(context, site, "#device=cpu");
  await page.setViewportSize({ width: 360, height: 225 });
  for (const view of ["laws", "lab"]) {
    await page.getByTestId(`view-${view}`).click();
    const plot = page.getByTestId(view === "lab" ? "scaling-plot" : "laws-plot");
    await plot.scrollIntoViewIfNeeded();
    await expect(plot).toBeInViewport({ ratio: 0.95 });
    // A table's head stays in the table.
    const covered = await page.evaluate(() => [...document.querySelectorAll("body *:not(th)")].filter((element) => ["fixed", "sticky"].includes(getComputedStyle(element).position) && element.checkVisibility())
      .reduce((sum, element) => sum + element.getBoundingClientRect().height, 0));
    assert.ok(covered < 60, `${covered} px of 225 are covered`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${view} is ${wide} px too wide`);
  }
  await page.screenshot({ path: `${shots}/zoomed.png` });
});

test("forced colours tell what is current, ticked and on", async ({ context, site, shots }) => {
  const page = await open(context, site, "#device=cpu");
  await page.emulateMedia({ forcedColors: "active" });
  const style = (locator, property) => locator.evaluate((element, property) => getComputedStyle(element)[property], property);
  const current = page.getByTestId("view-lab");
  assert.notEqual(await style(current, "borderBottomStyle"), await style(page.getByTestId("view-laws"), "borderBottomStyle"));
  assert.equal(await style(page.locator("input[type=checkbox]").first(), "appearance"), "auto");
  await page.waitForFunction(() => document.querySelector(".lamp.on"));
  assert.notEqual(await style(page.locator(".lamp.on").first(), "borderTopStyle"), "none");
  await page.screenshot({ path: `${shots}/forced-colours.png` });
});
