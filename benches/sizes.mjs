// What is downloaded, group by group, as it would travel: gzip 9 and brotli 11.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/// Aims in bytes, compressed with brotli.
const AIMS = { page: 800e3, "CPU worker": 2e6, "GPU worker": 5e6 };

function group(file) {
  if (file.startsWith("worker_cpu")) return "CPU worker";
  if (file.startsWith("worker_gpu")) return "GPU worker";
  const base = /^models\/([^/]+)\//.exec(file);
  if (base) return `base ${base[1]}`;
  if (file === "third-party.txt") return "others' licences";
  if (file.startsWith("models/") || file === "precomputed.json") return "finished experiment, list of bases";
  return "page";
}

export function sizes(folder) {
  const groups = new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    const name = group(path.slice(join(folder, "/").length));
    const sum = groups.get(name) ?? { group: name, files: 0, bytes: 0, gzip: 0, brotli: 0, aim: AIMS[name] };
    sum.files += 1;
    sum.bytes += bytes.length;
    sum.gzip += gzipSync(bytes, { level: 9 }).length;
    sum.brotli += brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    groups.set(name, sum);
  }
  return [...groups.values()].sort((a, b) => a.group.localeCompare(b.group));
}
