// Bundles charts.js with the parts of Apache ECharts that it uses into www/vendor/charts.min.js, before each build (a hook
// in Trunk.toml). The file is written only where it would change, so that an unchanged page is not built again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const out = new URL("../vendor/charts.min.js", import.meta.url);
const { outputFiles } = await build({
  entryPoints: [new URL("charts.js", import.meta.url).pathname],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none", // they stand in third-party.txt
  write: false,
});
const bundle = outputFiles[0].contents;
if (!existsSync(out) || !readFileSync(out).equals(bundle)) writeFileSync(out, bundle);
