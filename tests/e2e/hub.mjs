// A model hub to test against: Hugging Face's paths, redirects, ranges and tags, from files in memory. It misbehaves on
// demand: `hub.mood = (request) => …` may answer in the hub's stead by returning what to do.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const OPEN = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "range",
  "access-control-expose-headers": "etag, x-linked-etag, x-repo-commit, content-range, content-length, accept-ranges",
};

/// Moods: `{ status }`, `{ page: true }` (HTML), `{ drop: bytes }` (the connection breaks), `{ stall: bytes }` (it falls
/// silent), `{ slow: milliseconds }` (a kilobyte at a time), `{ tag }` (another ETag), `{ ignoreRange: true }`.
export async function serveHub(models) {
  const hub = { asked: [], mood: () => ({}) };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (request.method === "OPTIONS") return response.writeHead(204, OPEN).end();
    const cdn = url.pathname.startsWith("/cdn/");
    const [, owner, name, , revision, file] = cdn ? url.pathname.replace("/cdn", "").split("/") : url.pathname.split("/");
    const asked = { file, revision: decodeURIComponent(revision ?? ""), range: request.headers.range, cdn };
    hub.asked.push(asked);
    const mood = hub.mood(asked) ?? {};
    const bytes = models[`${owner}/${name}`]?.[file];
    if (mood.status) return response.writeHead(mood.status, OPEN).end("no");
    if (mood.page) return response.writeHead(200, { ...OPEN, "content-type": "text/html" }).end("<!doctype html><p>Please log in");
    if (!bytes || ![COMMIT, "main"].includes(asked.revision)) return response.writeHead(404, { ...OPEN, "x-repo-commit": COMMIT }).end("Entry not found");
    const hash = createHash("sha256").update(bytes).digest("hex");
    // Large files lie elsewhere.
    if (!cdn && file.endsWith(".safetensors")) {
      return response.writeHead(302, { ...OPEN, location: `/cdn${url.pathname}`, "x-repo-commit": COMMIT, "x-linked-etag": `"${hash}"` }).end();
    }
    const range = mood.ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const start = range ? Number(range[1]) : 0;
    const headers = {
      ...OPEN, etag: mood.tag ?? `"${hash}"`, "x-repo-commit": COMMIT, "accept-ranges": "bytes",
      "content-type": file.endsWith(".json") ? "application/json" : "application/octet-stream",
    };
    if (range && start >= bytes.length) return response.writeHead(416, { ...headers, "content-range": `bytes */${bytes.length}` }).end();
    if (range) headers["content-range"] = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(range ? 206 : 200, { ...headers, "content-length": bytes.length - start });
    const rest = bytes.subarray(start);
    if (mood.drop !== undefined) return response.write(rest.subarray(0, mood.drop), () => setTimeout(() => response.destroy(), 100));
    if (mood.stall !== undefined) return response.write(rest.subarray(0, mood.stall));
    for (let at = 0; mood.slow && at < rest.length && !response.destroyed; at += 1024) {
      response.write(rest.subarray(at, at + 1024));
      await new Promise((passed) => setTimeout(passed, mood.slow));
    }
    response.end(mood.slow ? undefined : rest);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  hub.url = `http://localhost:${server.address().port}`;
  hub.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return hub;
}
