// Bundles what test_dom_equality.py puts into the live page and its replay harness, into dist/.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

await build({
  entryPoints: ["live.js", "replay.js"].map((name) => join(here, "src", name)),
  outdir: join(here, "dist"),
  bundle: true,
  format: "iife",
  target: "chrome120",
  logLevel: "warning",
});
