"""How many bytes a file is once it is compressed as browsers get it."""

from __future__ import annotations

import shutil
import subprocess

_BROTLI = """
const zlib = require("node:zlib");
const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib.constants;
const bytes = require("node:fs").readFileSync(0);
const params = { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
console.log(zlib.brotliCompressSync(bytes, { params }).length);
"""


def brotli_bytes(data: bytes) -> int:
    """Return the length of *data* under brotli 11, as measured by Node: Python has no brotli."""
    node = shutil.which("node")
    if node is None:
        raise SystemExit("no node on PATH; `make setup` names the packages")
    done = subprocess.run([node, "-e", _BROTLI], input=data, capture_output=True, check=True)
    return int(done.stdout)
