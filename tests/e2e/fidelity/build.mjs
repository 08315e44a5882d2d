// Bundles the pages built with libraries and the probe that is put into live and replayed
// documents: one script per file in src/, into dist/.
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { compile } from "svelte/compiler";

const here = dirname(fileURLToPath(import.meta.url));
const browser = join(here, "../../../packages/browser/dist"); // the npm package, as it is built
const entries = readdirSync(join(here, "src")).filter((name) => /^[a-z]+\.jsx?$/.test(name));

const svelte = {
  name: "svelte",
  setup: ({ onLoad, onResolve }) => {
    const styles = new Map();
    onLoad({ filter: /\.svelte$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { js, css } = compile(source, { filename: path, generate: "client", css: "external" });
      if (css) styles.set(`${path}.css`, css.code);
      const contents = css ? `${js.code}\nimport ${JSON.stringify(`${path}.css`)};` : js.code;
      return { contents, loader: "js" };
    });
    onResolve({ filter: /\.svelte\.css$/ }, ({ path }) => ({ path, namespace: "svelte-css" }));
    onLoad({ filter: /.*/, namespace: "svelte-css" }, ({ path }) => ({
      contents: styles.get(path),
      loader: "css",
    }));
  },
};

await build({
  entryPoints: entries.map((name) => join(here, "src", name)),
  outdir: join(here, "dist"),
  bundle: true,
  format: "iife",
  target: "chrome120",
  minify: true,
  jsx: "automatic",
  define: {
    "process.env.NODE_ENV": '"production"',
    __VUE_OPTIONS_API__: "true",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
  alias: {
    vue: "vue/dist/vue.esm-bundler.js",
    "@stolper/browser": join(browser, "index.js"),
    "@stolper/browser/react": join(browser, "react.js"),
    "@stolper/browser/vue": join(browser, "vue.js"),
  },
  plugins: [svelte],
  logLevel: "warning",
});
