// A static server for dist/ under a sub-path, and a Chromium to look at it with.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "@playwright/test";

const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json",
  ".wasm": "application/wasm", ".svg": "image/svg+xml",
};

/// Serves `folder` at http://localhost:PORT/some/where/, as any static host would; `headers` go with every answer. What a
/// test gives it as `refuses` says which paths it has no longer.
export async function serve(folder, headers = {}) {
  const prefix = "/some/where/";
  const site = { refuses: () => false };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    if (!path.startsWith(prefix) || site.refuses(path)) return response.writeHead(404).end();
    let file = normalize(join(folder, path.slice(prefix.length)));
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
    if (!file.startsWith(normalize(folder)) || !existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-length": statSync(file).size, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  site.url = `http://localhost:${server.address().port}${prefix}`;
  site.close = () => {
    server.close();
    server.closeAllConnections();
  };
  return site;
}

/// How to start Chromium: with WebGPU's software adapter, and nothing of its own in the background.
export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--enable-unsafe-webgpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
};

export const launch = () => chromium.launch(CHROMIUM);

/// A page at `url` + `fragment`; what it logs as an error, and what it asks of other hosts, is collected.
export async function open(context, site, fragment = "", { walk = false } = {}) {
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`page error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && page.problems.push(`console: ${message.text()}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== new URL(site.url).origin) page.problems.push(`asked ${url.href}`);
  });
  // Pages without an address have no storage.
  if (!walk) await page.addInitScript(() => location.protocol.startsWith("http") && localStorage.setItem("tunelab.walked", "yes"));
  await page.goto(site.url + fragment);
  await page.getByTestId("view-lab").waitFor();
  return page;
}
