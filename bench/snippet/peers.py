"""
The recorders that are compared, each built from its npm package and told to talk to our sink.

The peers are installed into a temporary folder when the bench runs, and never into package.json.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.snippet.sizes import brotli_bytes

ROOT = Path(__file__).parents[2]
ENTRIES = Path(__file__).parent / "entries"
PACKAGES = {
    "rrweb": "",  # the project's own version
    "posthog": "posthog-js",
    "sentry": "@sentry/browser",
    "openreplay": "@openreplay/tracker",
    "clarity": "clarity-js",
    "datadog": "@datadog/browser-rum",
}
NONE, STOLPER = "none", "stolper"

# The page says where the sink is, so that one bundle serves visits that run side by side.
_BUNDLE = """
const { build } = require("esbuild");
const [entry, outfile, ...nodePaths] = process.argv.slice(1);
build({
  entryPoints: [entry], outfile, nodePaths, bundle: true, minify: true, format: "iife",
  target: "es2022", legalComments: "none", logLevel: "error",
  define: { SINK: "window.SINK", "process.env.NODE_ENV": '"production"' },
}).catch(() => process.exit(1));
"""


@dataclass(frozen=True)
class Peer:
    """A bundle that records as soon as it runs, or why there is none."""

    name: str
    version: str
    script: Path | None
    problem: str = ""

    @property
    def brotli(self) -> int:
        """Return the bytes that a browser loads of it."""
        return brotli_bytes(self.script.read_bytes()) if self.script else 0


def install(names: list[str], folder: Path) -> str:
    """Install the packages of *names* into *folder* by npm; return what went wrong."""
    wanted = [PACKAGES[name] for name in names if PACKAGES[name]]
    if not wanted:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *wanted],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode and done.stderr.strip() else ""


def bundle(name: str, folder: Path) -> Peer:
    """Bundle the peer *name*, whose package lies in *folder*."""
    modules = folder / "node_modules" if PACKAGES[name] else ROOT / "node_modules"
    manifest = modules / (PACKAGES[name] or "@rrweb/record") / "package.json"
    if not manifest.exists():
        return Peer(name, "", None, "its package was not installed")
    version = manifest.read_text().split('"version": "', 1)[-1].split('"', 1)[0]
    script = folder / f"{name}.js"
    done = subprocess.run(
        ["node", "-e", _BUNDLE, str(ENTRIES / f"{name}.js"), str(script), str(modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reasons = (line for line in done.stderr.splitlines() if "ERROR" in line)
        return Peer(name, version, None, f"not bundled: {next(reasons, 'no reason given')}")
    return Peer(name, version, script)
