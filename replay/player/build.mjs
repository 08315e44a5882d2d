// Builds the player: stage.js + stage.css (drawn in the frame), player.js + player.css (the console's page), map.js (pages of maps),
// and offline.js + offline.css, which are written into exported files.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pack } from "../../tools/packed.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const shared = {
  outdir: here("dist"),
  bundle: true,
  minify: true,
  target: ["es2022"],
  legalComments: "none",
  logLevel: "warning",
};

await build({
  ...shared,
  entryPoints: ["stage.ts", "player.ts", "map.ts", "stage.css", "player.css"].map((name) =>
    here(`src/${name}`),
  ),
  format: "esm",
});

await build({
  ...shared,
  entryPoints: ["offline.ts", "offline.css"].map((name) => here(`src/offline/${name}`)),
  format: "iife", // it stands in the file itself, where a module could import nothing
  charset: "utf8",
});

await pack(here("dist"));
