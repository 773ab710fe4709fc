// What a visitor waits for: from Play to the first finished point, to a first rough curve for every method, and (on
// request) to the end of the default experiment; and how long the page's main thread is held up meanwhile.
import { open } from "../tests/e2e/browser.mjs";

/// Finished sizes of every method that make a first rough curve.
const CURVE = 3;

export async function watch({ browser, site, whole }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await open(context, site, "#device=cpu");
  // Nothing precomputed stands in the way, and Play trains every run.
  await page.getByTestId("put-away").click();
  const methods = await page.locator('[data-testid="methods"] input[type=checkbox]:checked').count();
  const play = page.getByTestId("play");
  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    const play = document.querySelector('[data-testid="play"]');
    play.addEventListener("click", () => (window.played = performance.now()));
    // Finished runs as they come on screen: method, examples, and when.
    window.seen = new Map();
    new MutationObserver(() => {
      for (const { cells } of document.querySelectorAll('[data-testid="points"] tbody tr')) {
        const [method, examples, seed] = [...cells].map((cell) => cell.textContent);
        const key = [method, examples, seed].join();
        if (!window.seen.has(key)) window.seen.set(key, { method, examples, seconds: (performance.now() - window.played) / 1000 });
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await play.click();
  const until = (what, argument, minutes) => page.waitForFunction(what, argument, { timeout: minutes * 60_000, polling: 500 });
  await until(({ methods, sizes }) => {
    const by = Map.groupBy(window.seen.values(), (run) => run.method);
    return by.size >= methods && [...by.values()].every((runs) => new Set(runs.map((run) => run.examples)).size >= sizes);
  }, { methods, sizes: CURVE }, 10);
  // The button is free again when nothing is left to train.
  if (whole) await until(() => !document.querySelector('[data-testid="play"]').disabled, null, 60);
  const { seen, tasks } = await page.evaluate(() => ({ seen: [...window.seen.values()], tasks: window.tasks }));
  await context.close();

  const first = Math.min(...seen.map((run) => run.seconds));
  const curves = [...new Set(seen.map((run) => run.method))].map((method) => {
    const sizes = new Map();
    for (const { examples, seconds } of seen.filter((run) => run.method === method)) {
      sizes.set(examples, Math.min(sizes.get(examples) ?? Infinity, seconds));
    }
    return [...sizes.values()].sort((a, b) => a - b)[CURVE - 1];
  });
  return {
    first_point_seconds: first,
    rough_curve_seconds: Math.max(...curves),
    whole_seconds: whole ? Math.max(...seen.map((run) => run.seconds)) : undefined,
    runs: seen.length,
    methods,
    longest_task_ms: Math.max(0, ...tasks),
    tasks_over_50_ms: tasks.filter((duration) => duration > 50).length,
  };
}
