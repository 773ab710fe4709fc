// The last step of a build, on what trunk made (a hook in Trunk.toml; `./lab build` calls it again once wasm-opt is through):
// no script stays inside the page, so that it runs under a strict Content-Security-Policy, and sw.js learns which files
// the site consists of.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const folder = process.argv[2] ?? process.env.TRUNK_STAGING_DIR;
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

const index = join(folder, "index.html");
const page = readFileSync(index, "utf8").replace(/<script((?:(?!\ssrc=)[^>])*)>([^]*?)<\/script>/g, (_, attributes, text) => {
  const name = `script-${hash(text)}.js`;
  writeFileSync(join(folder, name), text);
  return `<script${attributes.replace(/ nonce="[^"]*"/, "")} src="./${name}"></script>`;
});
writeFileSync(index, page);

const sw = join(folder, "sw.js");
const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
const listed = files.filter((file) => file !== sw).map((file) => [relative(folder, file), hash(readFileSync(file))]).sort();
writeFileSync(sw, readFileSync(sw, "utf8").replace(/^const FILES = .*;$/m, () => `const FILES = ${JSON.stringify(Object.fromEntries(listed))};`));
