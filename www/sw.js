// Keeps the site in the browser's storage, so that it works offline after one visit. This worker is installed once all of
// it is kept; an installation that breaks off goes on at the next visit where it was.

/// The site's files, each with a hash of what it holds: filled in by the last step of a build (www/finish.mjs).
const FILES = {};
/// Large, and not for everyone: kept when it was used.
const LATER = /^worker_gpu/;
/// Nothing of the lab: for hosts, for the curious.
const NEVER = /^[._]|^third-party\.txt$/;
/// Their names, or the page's list of models, change with what they hold: what is kept need not be asked for again.
const CONSTANT = /-[0-9a-f]{12,16}[._]|^models\/[^/]+\/model\.safetensors$/;

const KEEP = "tunelab-files";
const here = new URL("./", self.location.href);
const key = (path) => new URL(`${path}?${FILES[path]}`, here).href;

async function keep(cache, path, response) {
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  await cache.put(key(path), response);
}

async function keepAll() {
  const cache = await caches.open(KEEP);
  const kept = new Set((await cache.keys()).map((request) => request.url));
  for (const path of Object.keys(FILES)) {
    if (LATER.test(path) || NEVER.test(path) || kept.has(key(path))) continue;
    await keep(cache, path, await fetch(new URL(path, here), { cache: CONSTANT.test(path) ? "default" : "no-cache" }));
  }
}

/// Lets go of what is not of this build.
async function clear() {
  for (const name of await caches.keys()) if (name.startsWith("tunelab-") && name !== KEEP) await caches.delete(name);
  const cache = await caches.open(KEEP);
  const wanted = new Set(Object.keys(FILES).map(key));
  for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
}

async function answer(event, path) {
  const cache = await caches.open(KEEP);
  const kept = () => cache.match(key(path));
  if (CONSTANT.test(path)) {
    const found = await kept();
    if (found) return found;
  }
  try {
    const response = await fetch(event.request);
    // A full storage must not cost the answer.
    if (LATER.test(path) && response.ok) event.waitUntil(keep(cache, path, response.clone()).catch(() => {}));
    return response;
  } catch (error) {
    const found = await kept();
    if (found) return found;
    throw error;
  }
}

self.addEventListener("install", (event) => event.waitUntil(keepAll().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(clear().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== here.origin || !url.pathname.startsWith(here.pathname)) return;
  const path = url.pathname.slice(here.pathname.length) || "index.html";
  // What is not of the site, such as models of a hub on this very host, is not this worker's business.
  if (path in FILES) event.respondWith(answer(event, path));
});
