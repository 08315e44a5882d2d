// Builds the recorder with tests/snippet/faulty/guard.ts in the place of its guard, to stdout.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "../../../snippet/src");

const result = await build({
  entryPoints: [join(source, "recorder.ts")],
  bundle: true,
  write: false,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  define: { __STOLPER_VERSION__: '"faulty"' },
  plugins: [
    {
      name: "faulty",
      setup({ onResolve }) {
        onResolve({ filter: /\/guard$/ }, ({ importer }) =>
          importer.startsWith(source) ? { path: join(here, "guard.ts") } : undefined,
        );
      },
    },
  ],
});
process.stdout.write(result.outputFiles[0].text);
