// The script `./lab`: its functions, run with other programs standing in for those that they call.
// `node --test tests/lab.test.mjs`
import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

const root = new URL("..", import.meta.url).pathname;

/// Runs `script` with `./lab`'s functions and with `programs` (name → shell script) first on the PATH. What those are called
/// with stands in `calls`, in order.
function lab(script, programs = {}, prepare = () => {}) {
  const at = mkdtempSync(join(tmpdir(), "lab-"));
  try {
    mkdirSync(join(at, "bin"));
    for (const [name, body] of Object.entries(programs)) {
      writeFileSync(join(at, "bin", name), `#!/usr/bin/env bash\necho "${name} $*" >>"${at}/calls"\n${body}\n`);
      chmodSync(join(at, "bin", name), 0o755);
    }
    prepare(at);
    const env = { ...process.env, PATH: `${at}/bin:${process.env.PATH}`, TUNELAB_CACHE: join(at, "cache"), CARGO_TARGET_DIR: join(at, "target"), AT: at };
    const run = spawnSync("bash", ["-c", `source ./lab; export PATH="$AT/bin:$PATH"; ${script}`], { cwd: root, env, encoding: "utf8" });
    const calls = existsSync(join(at, "calls")) ? readFileSync(join(at, "calls"), "utf8").trim().split("\n") : [];
    return { ...run, calls };
  } finally {
    rmSync(at, { recursive: true });
  }
}

/// A release of the program `tool` that says it has `version`: its archive, and a `curl` that hands it out.
const release = (version, sum) => (at) => {
  mkdirSync(join(at, "release", "tool-1.2.3"), { recursive: true });
  const program = join(at, "release", "tool-1.2.3", "tool");
  writeFileSync(program, `#!/bin/sh\necho "tool ${version}"\n`);
  chmodSync(program, 0o755);
  execFileSync("tar", ["-czf", join(at, "tool.tar.gz"), "-C", join(at, "release"), "."]);
  const actual = createHash("sha256").update(readFileSync(join(at, "tool.tar.gz"))).digest("hex");
  if (sum) writeFileSync(join(at, "tool.tar.gz.sha256sum"), `${sum === "right" ? actual : "0".repeat(64)}  tool.tar.gz\n`);
};
const curl = 'for word; do case $word in https://*) from=$AT/${word##*/};; esac; done\ncp "$from" "${@: -1}" 2>/dev/null';
const need = "MINUTES[tool]=1; need_tool tool 1.2.3 the-crate https://example.org/tool.tar.gz --locked";
const compiled = ({ calls }) => calls.some((call) => /^cargo install .*--version 1\.2\.3 --locked the-crate$/.test(call));

test("a published tool is taken where its hash and its version are right", () => {
  for (const sum of ["right", undefined]) {
    const run = lab(`${need}; ${need}`, { curl, cargo: "" }, release("1.2.3", sum));
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stderr, /fetched tool 1\.2\.3/);
    assert.ok(!compiled(run));
    assert.equal(run.calls.filter((call) => / \S+tool\.tar\.gz /.test(call)).length, 1, `fetched again: ${run.calls}`);
  }
});

test("a tool is compiled where none is published, or another", () => {
  const nothing = lab(need, { curl: "exit 6", cargo: "" });
  assert.ok(compiled(nothing), nothing.stderr);
  const changed = lab(need, { curl, cargo: "" }, release("1.2.3", "wrong"));
  assert.ok(compiled(changed), changed.stderr);
  const older = lab(need, { curl, cargo: "" }, release("1.2.2", "right"));
  assert.ok(compiled(older), older.stderr);
  assert.match(older.stderr, /could not be fetched \(about 1 minutes/);
});

/// Stands in for trunk: notes what the early page says of the GPU, and serves until it is ended.
const trunk = `case "$*" in
  build*early*) grep -c worker_gpu www/early.html >>"$AT/gpu"; grep -c 'name="gpu-worker" content="building"' www/early.html >>"$AT/gpu" ;;
  build*) sleep 0.5 ;;
  serve*early*) exec sleep 60 ;;
esac`;
const serve = "need_site() { wasm_path=$PATH; }; (serve)";

test("the lab opens with the CPU worker while the GPU's is built", () => {
  const run = lab(`${serve}; cat "$AT/gpu"`, { trunk });
  assert.equal(run.status, 0, run.stderr);
  const [early, open, full, last] = run.calls;
  assert.match(early, /^trunk build --release --dist dist www\/early\.html/);
  assert.ok([open, full].some((call) => /^trunk serve .*--no-autoreload .*www\/early\.html/.test(call)), run.calls.join("\n"));
  assert.ok([open, full].some((call) => /^trunk build --release --dist \S+\/cache\/site$/.test(call)), run.calls.join("\n"));
  assert.equal(last, "trunk serve --release --port 8080");
  assert.match(run.stdout, /^0\n1\n/, "the early page has no GPU worker and says so");
  assert.ok(!existsSync(join(root, "www/early.html")), "the early page is gone");
  for (const step of [/min {2}page and CPU worker/, /min {2}GPU worker/]) assert.match(run.stderr, step);
});

test("the lab is served at once where all is built", () => {
  const there = 'mkdir -p "$CARGO_TARGET_DIR/$WASM_TARGET/release"; touch "$CARGO_TARGET_DIR/$WASM_TARGET/release/worker_"{cpu,gpu}.wasm; ';
  const run = lab(there + serve, { trunk });
  assert.deepEqual(run.calls, ["trunk serve --release --port 8080"]);
  assert.doesNotMatch(run.stderr, /min {2}(page|GPU)/);
});
