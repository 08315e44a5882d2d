// Bundles the pages of real widgets: one script and one style sheet per file in src/, into dist/.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const entries = readdirSync(join(here, "src")).filter((name) => /\.jsx?$/.test(name));

await build({
  entryPoints: entries.map((name) => join(here, "src", name)),
  outdir: join(here, "dist"),
  bundle: true,
  format: "iife",
  target: "chrome120",
  minify: true,
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true" },
  alias: { vue: "vue/dist/vue.esm-bundler.js" },
  loader: { ".png": "dataurl", ".svg": "dataurl", ".gif": "dataurl" },
  logLevel: "warning",
});
