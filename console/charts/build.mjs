// Builds the console's charts: console/static/dist/paths.js, served by the console, never committed.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pack } from "../../tools/packed.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [here("src/paths.ts")],
  outdir: here("../static/dist"),
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  legalComments: "none",
  logLevel: "warning",
});

await pack(here("../static/dist"));
