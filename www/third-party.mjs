// Writes www/vendor/third-party.txt: every crate and npm package that the site is made of, with its licence. They are
// taken from the lock files and from the sources that cargo and npm fetched, before each build (a hook in Trunk.toml),
// anew only when a lock file, a manifest or this file has changed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import standard from "spdx-license-list/full.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "www/vendor/third-party.txt");
const read = (path) => readFileSync(join(root, path), "utf8");
const cargo = (...args) =>
  execFileSync("cargo", [...args, "--no-default-features", "--features", "ui,webgpu"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });

const inputs = ["Cargo.toml", "Cargo.lock", "package.json", "package-lock.json", "www/third-party.mjs"].map(read);
const stamp = `Made from lock files with the hash ${createHash("sha256").update(inputs.join("\0")).digest("hex")}.`;
if (existsSync(out) && readFileSync(out, "utf8").includes(stamp)) process.exit();

/// The files of a package that say how it may be used: their texts.
function texts(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => /^(licen[sc]e|copying|copyright|notice|unlicense)/i.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isFile()) return [readFileSync(path, "utf8").trim()];
      return readdirSync(path).map((name) => readFileSync(join(path, name), "utf8").trim());
    });
}

/// The licences' standard texts, for a package that brings none.
function standardTexts({ name, license }) {
  const ids = (license ?? "").match(/[A-Za-z0-9][A-Za-z0-9.-]*/g)?.filter((id) => standard[id]) ?? [];
  if (ids.length === 0) throw new Error(`${name} brings no licence text and names no known licence ("${license}"): ask its authors, or do without it`);
  return ids.map((id) => standard[id].licenseText.trim());
}

// Crates that are linked into the programs: no build scripts, no macros' own code.
const tree = cargo("tree", "-e", "normal,no-proc-macro", "--target", "wasm32-unknown-unknown", "--prefix", "none", "-f", "{p}");
const linked = new Set(tree.split("\n").map((line) => line.split(" ", 2).join(" ")));
const crates = JSON.parse(cargo("metadata", "--format-version", "1", "--filter-platform", "wasm32-unknown-unknown"))
  .packages.filter((p) => p.source && linked.has(`${p.name} v${p.version}`))
  .map((p) => ({ ...p, home: p.repository, folder: dirname(p.manifest_path) }));

const modules = Object.entries(JSON.parse(read("package-lock.json")).packages)
  .filter(([path, { dev }]) => path !== "" && !dev)
  .map(([path, { version, license }]) => {
    const name = path.split("node_modules/").pop();
    return { name, version, license, home: `https://www.npmjs.com/package/${name}`, folder: join(root, path) };
  });

const library = { name: "Rust's standard library", version: "", license: "MIT OR Apache-2.0", home: "https://github.com/rust-lang/rust" };

// A text that many packages share is printed once, under all their names.
const sections = new Map();
for (const part of [...modules, library, ...crates]) {
  const own = part.folder ? texts(part.folder) : [];
  for (const text of own.length > 0 ? own : standardTexts(part)) {
    const key = text.replace(/\s+/g, " ");
    const section = sections.get(key) ?? { text, parts: [] };
    section.parts.push(part);
    sections.set(key, section);
  }
}

const line = "=".repeat(100);
const named = ({ name, version, license, home, authors }) =>
  `${name} ${version} (${[license, home, authors?.join(", ")].filter(Boolean).join("; ")})`;
const body = [...sections.values()].map(({ text, parts }) => `${line}\n${parts.map(named).join("\n")}\n${line}\n\n${text}\n`);
const head = `What Tunelab's site is made of besides its own source: ${modules.length} packages from npm, ${crates.length} crates,
and Rust's standard library, each with its licence.
${stamp}
`;
// The mark says UTF-8 to a browser that is not told.
writeFileSync(out, "\uFEFF" + [head, ...body].join("\n"));
