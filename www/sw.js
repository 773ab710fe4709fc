// Keeps the site in the browser's storage, so that it works offline once loaded. The page asks the network first
// for itself (a new build arrives at the next visit) and the storage first for models, which are large and named
// by what they hold in the page's own list.
const KEEP = "tunelab-1";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) =>
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith("tunelab-") && name !== KEEP) await caches.delete(name);
      await self.clients.claim();
    })(),
  ),
);

// What asks for no storing is kept elsewhere: models of a hub on this very host go into the page's own storage.
const storable = (request) =>
  request.method === "GET" && request.cache !== "no-store" && new URL(request.url).origin === self.location.origin;

async function fromNetwork(request) {
  const response = await fetch(request);
  if (response.ok && !response.redirected) {
    const copy = response.clone();
    // A full storage must not cost the answer.
    caches.open(KEEP).then((cache) => cache.put(request, copy)).catch(() => {});
  }
  return response;
}

self.addEventListener("fetch", (event) => {
  const request = event.request;
  if (!storable(request)) return;
  event.respondWith(
    (async () => {
      if (/\/models\/[^/]+\/model\.safetensors$/.test(new URL(request.url).pathname)) {
        return (await caches.match(request)) ?? fromNetwork(request);
      }
      try {
        return await fromNetwork(request);
      } catch (error) {
        const kept = await caches.match(request, { ignoreSearch: request.mode === "navigate" });
        if (kept) return kept;
        throw error;
      }
    })(),
  );
});
