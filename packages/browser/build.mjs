// Builds the npm package's dist/: ES modules and their types, and nothing else.
import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const compiler = join(here, "../../node_modules/typescript/bin/tsc");

await rm(join(here, "dist"), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, "-p", here], { stdio: "inherit" });
process.exitCode = status ?? 1;
