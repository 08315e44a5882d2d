// Bundles rrweb's own recorder, as a page without our snippet embeds it, into dist/.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

await build({
  entryPoints: [join(here, "src", "record.js")],
  outdir: join(here, "dist"),
  bundle: true,
  format: "iife",
  target: "chrome120",
  logLevel: "warning",
});
