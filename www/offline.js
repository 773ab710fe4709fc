// Registers sw.js. On the first visit everything was fetched before it was there to keep it: it is handed those files
// again, which the browser's own cache still has.
if ("serviceWorker" in navigator) {
  const first = !navigator.serviceWorker.controller;
  navigator.serviceWorker.register("sw.js").catch((error) => console.warn("The site will not work offline:", error));
  navigator.serviceWorker.ready.then(() => {
    if (!first) return;
    const worker = ["worker_cpu_loader.js", "worker_cpu.js", "worker_cpu_bg.wasm"];
    const here = new URL(".", location.href).href;
    const seen = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => name.startsWith(here));
    for (const file of new Set([here, ...seen, ...worker.map((name) => here + name)])) fetch(file).catch(() => {});
  });
}
