// Builds the browser files: dist/loader.js, dist/recorder.<hash>.js (and the same compressed, as
// browsers ask for it), dist/manifest.json.
// The collector serves them; the wheel carries them; they are never committed.
//
// To measure the DOM recorder against @rrweb/record behind the same interface, with all else equal:
// node snippet/build.mjs --recorder=rrweb --out=FOLDER. Nobody is served that.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const { values: asked } = parseArgs({
  options: { recorder: { type: "string", default: "own" }, out: { type: "string" } },
});
const out = asked.out ? resolve(asked.out) : join(here, "dist");
const placeholder = '"__STOLPER_CONFIG__"';
const version = JSON.parse(await readFile(join(here, "version.json"), "utf8")).version;

const rrweb = {
  name: "rrweb",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/record$/ }, ({ kind }) =>
      kind === "import-statement" ? { path: join(here, "src/record-rrweb.ts") } : undefined,
    );
  },
};

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    bundle: true,
    minifySyntax: true,
    write: false,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    define: { __STOLPER_VERSION__: JSON.stringify(version) },
    logLevel: "warning",
    plugins: asked.recorder === "rrweb" ? [rrweb] : [],
  });
  return small(result.outputFiles[0].text);
}

/**
 * *source* minified. By terser and not by esbuild: it names variables alike from function to
 * function, which leaves 7 % fewer bytes after brotli.
 */
async function small(source) {
  const { code } = await minify(source, {
    ecma: 2020,
    compress: { ecma: 2020, passes: 2, inline: 1, sequences: false },
    format: { ecma: 2020, comments: false, quote_style: 2 },
  });
  return code;
}

function brotli(text) {
  const bytes = Buffer.from(text);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return brotliCompressSync(bytes, { params });
}

// Parts of the recorder that only some sites load (snippet/src/lazy/).
const lazy = ["canvas", "images", "code"];
const [loader, recorder, ...parts] = await Promise.all(
  ["loader.ts", "recorder.ts", ...lazy.map((part) => `lazy/${part}.ts`)].map(bundle),
);
if (loader.split(placeholder).length !== 2) {
  throw new Error(`the loader must hold ${placeholder} exactly once`);
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await writeFile(join(out, "loader.js"), loader);
const made = [["loader.js", loader, brotli(loader)]];

/** Write *text* under a name that holds its hash, and compressed beside it. */
async function immutable(part, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const name = `${part}.${hash}.js`;
  const compressed = brotli(text);
  await writeFile(join(out, name), text);
  await writeFile(join(out, `${name}.br`), compressed);
  await writeFile(join(out, `${name}.gz`), gzipSync(text, { level: 9 }));
  made.push([name, text, compressed]);
  return name;
}

// Chromium then compiles it all beside the main thread, while it arrives, instead of function by
// function when each is first called (v8.dev/blog/explicit-compile-hints).
const hint = "//# allFunctionsCalledOnLoad\n";
const name = await immutable("recorder", hint + recorder);
const names = {};
for (const [at, part] of lazy.entries()) names[part] = await immutable(part, parts[at]);
await writeFile(
  join(out, "manifest.json"),
  `${JSON.stringify({ loader: "loader.js", recorder: name, parts: names, version })}\n`,
);
for (const [file, text, sent] of made) {
  console.log(`${file}: ${Buffer.byteLength(text)} bytes, ${sent.length} with brotli`);
}
