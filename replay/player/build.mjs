// Builds the player: stage.js + stage.css (drawn in the frame), player.js + player.css (the console's page).

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: ["stage.ts", "player.ts", "stage.css", "player.css"].map((name) =>
    here(`src/${name}`),
  ),
  outdir: here("dist"),
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  legalComments: "none",
  logLevel: "warning",
});
