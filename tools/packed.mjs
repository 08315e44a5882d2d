// Puts a gzipped twin beside each built script and style sheet: the console hands it out to browsers that take it.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** Write NAME.gz for each .js and .css in *folder*. */
export async function pack(folder) {
  for (const name of await readdir(folder)) {
    if (!/\.(js|css)$/.test(name)) continue;
    const packed = gzipSync(await readFile(join(folder, name)), { level: 9 });
    await writeFile(join(folder, `${name}.gz`), packed);
  }
}
