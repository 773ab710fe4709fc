// What a visitor of the lab's view does and sees.
import { strict as assert } from "node:assert";

/// Rows of the table of points: method, examples, seed, nats per token, …
export const points = (page) =>
  page.getByTestId("points").locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

export const finished = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll('[data-testid="points"] tbody tr').length >= count, count, { timeout: 240_000 });

export async function showTable(page) {
  for (const details of await page.locator("details", { has: page.getByTestId("points") }).all()) {
    await details.evaluate((element) => (element.open = true));
  }
}

/// Presses Play and waits for the points of so many methods on so many sizes.
export async function trains(page, methods, sizes) {
  const before = (await points(page)).length;
  await page.getByTestId("play").click();
  await finished(page, before + methods * sizes);
  for (const row of (await points(page)).slice(before)) {
    const loss = Number(row[3]);
    assert.ok(loss > 0 && loss < 10, `no loss in ${row}`);
  }
}
