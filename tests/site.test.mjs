// What the built site consists of, read from its folder: `SITE=dist node --test tests/site.test.mjs`. Each check is a
// function that lists what is wrong, and is shown a site in which something is.
import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";

const text = (folder, name) => readFileSync(join(folder, name), "utf8");

/// Files that the page asks for and that are not in the folder, and addresses of other hosts.
function missing(folder) {
  const asked = [...text(folder, "index.html").matchAll(/\b(?:src|href)="([^"]+)"|from '([^']+)'/g)].map((found) => found[1] ?? found[2]);
  return asked.filter((path) => /^\w+:|^\//.test(path) || !existsSync(join(folder, path)));
}

/// Parts that must be credited, and are not, or whose licence text is empty.
function uncredited(folder) {
  const notice = text(folder, "third-party.txt");
  const parts = ["echarts", "zrender", "tslib", "@picocss/pico", "burn-flex", "burn-wgpu", "leptos", "tokenizers", "wasm-bindgen", "Rust's standard library"];
  const wanted = [...parts.map((name) => `\n${name} `), "Copyright 2017-2026 The Apache Software Foundation", "Copyright (c) 2017, Baidu Inc.", "Mike Bostock", "Permission is hereby granted"];
  return [...wanted.filter((words) => !notice.includes(words)), ...(notice.match(/\bundefined\b.*|={100}\n\n(?=={100})/g) ?? [])];
}

/// Scripts and styles inside the page, which a strict policy forbids, and a page without that policy.
function inline(folder) {
  const page = text(folder, "index.html");
  const inside = page.match(/<script(?:(?!\ssrc=)[^>])*>|<style|\s(?:style|on\w+)=/g) ?? [];
  const policy = "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";
  const without = ["index.html", "_headers", ".htaccess"].filter((name) => !text(folder, name).includes(policy));
  return [...inside, ...without];
}

/// Files of the site that its service worker does not know, or knows and are not there.
function unknown(folder) {
  const known = Object.keys(JSON.parse(/^const FILES = (.*);$/m.exec(text(folder, "sw.js"))[1]));
  const there = readdirSync(folder, { recursive: true }).filter((name) => name !== "sw.js" && !statSync(join(folder, name)).isDirectory());
  return [...there.filter((name) => !known.includes(name)), ...known.filter((name) => !there.includes(name))];
}

/// Workers whose every export runs all constructors anew (the linker's wrappers are called `*.command_export`).
function wrapped(folder) {
  const workers = readdirSync(folder).filter((name) => /^worker_\w+\.(js|wasm)$/.test(name));
  for (const program of ["worker_cpu", "worker_gpu"]) {
    for (const file of [`${program}.js`, `${program}_bg.wasm`]) assert.ok(workers.includes(file), `the site has no ${file}`);
  }
  return workers.filter((name) => readFileSync(join(folder, name)).includes("command_export"));
}

const site = process.env.SITE;
const skip = site ? false : "no built site: SITE=dist";
test("the page asks only for files of its own that are there", { skip }, () => assert.deepEqual(missing(site), []));
test("everyone whose work is in the site is named with a licence", { skip }, () => assert.deepEqual(uncredited(site), []));
test("the page holds no script and no style, and says so", { skip }, () => assert.deepEqual(inline(site), []));
test("the service worker knows every file", { skip }, () => assert.deepEqual(unknown(site), []));
test("no worker runs its constructors at every call", { skip }, () => assert.deepEqual(wrapped(site), []));

/// A folder of the given files, for as long as `use` runs.
function planted(files, use) {
  const folder = mkdtempSync(join(tmpdir(), "site-"));
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), contents);
  }
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the checks find what is planted", () => {
  const page = `<link href="./a.css"><script src="https://example.org/b.js"></script><script type="module">import init from './app.js'</script>`;
  planted({ "index.html": page, "a.css": "" }, (folder) => assert.deepEqual(missing(folder), ["https://example.org/b.js", "./app.js"]));

  const policy = "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";
  const inlined = `<script src="a.js"></script><script type="module">let a</script><p style="color: red">`;
  planted({ "index.html": inlined, _headers: policy, ".htaccess": policy }, (folder) => assert.deepEqual(inline(folder), [`<script type="module">`, " style=", "index.html"]));
  planted({ "sw.js": `const FILES = {"gone.js":"1"};`, "models/new.json": "" }, (folder) => assert.deepEqual(unknown(folder), ["models/new.json", "gone.js"]));

  planted({ "third-party.txt": "\necharts 6.1.0 (undefined)" }, (folder) => {
    const found = uncredited(folder);
    assert.ok(found.includes("\nzrender ") && found.includes("undefined)") && !found.includes("\necharts "), found.join());
  });

  const workers = { "worker_cpu.js": "", "worker_cpu_bg.wasm": "", "worker_gpu_bg.wasm": "\0command_export" };
  planted(workers, (folder) => assert.throws(() => wrapped(folder), /no worker_gpu\.js/));
  planted({ ...workers, "worker_gpu.js": 'wasm["main.command_export"]()' }, (folder) =>
    assert.deepEqual(wrapped(folder).sort(), ["worker_gpu.js", "worker_gpu_bg.wasm"]));
});
