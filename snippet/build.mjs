// Builds the browser files: dist/loader.js, dist/recorder.<hash>.js, dist/manifest.json.
// The collector serves them; the wheel carries them; they are never committed.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "dist");
const placeholder = '"__STOLPER_CONFIG__"';
const version = JSON.parse(await readFile(join(here, "version.json"), "utf8")).version;

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    define: { __STOLPER_VERSION__: JSON.stringify(version) },
    logLevel: "warning",
  });
  return result.outputFiles[0].text;
}

const [loader, recorder] = await Promise.all([bundle("loader.ts"), bundle("recorder.ts")]);
if (loader.split(placeholder).length !== 2) {
  throw new Error(`the loader must hold ${placeholder} exactly once`);
}
const hash = createHash("sha256").update(recorder).digest("hex").slice(0, 16);
const name = `recorder.${hash}.js`;

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await writeFile(join(out, "loader.js"), loader);
await writeFile(join(out, name), recorder);
await writeFile(
  join(out, "manifest.json"),
  `${JSON.stringify({ loader: "loader.js", recorder: name, version })}\n`,
);
console.log(`loader.js ${loader.length} bytes, ${name} ${recorder.length} bytes`);
