"""Browser files that tests need are built when their sources are newer, by one worker at a time."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]


def built(script: Path, result: Path, *others: Path) -> Path:
    """Return *result*; run the build *script* first if it, its src/ or what lies in *others* is newer."""
    node = shutil.which("node")
    assert node, "no node on PATH; `make setup` names the packages"
    name = sha256(str(script).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"stolper-build-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers would build over each other
        folders = (script.parent / "src", *others)
        files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        sources = [script, *files]
        newest = max(path.stat().st_mtime for path in sources)
        if not result.exists() or result.stat().st_mtime < newest:
            subprocess.run([node, str(script)], cwd=ROOT, check=True, capture_output=True)
    return result
