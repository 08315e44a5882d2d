"""
The snippet's files of versions that ran here before, for pages that were loaded before an upgrade.

A page goes on with the loader that it has: five minutes from the cache, and as long as its tab is open.
That loader names files by their hash, which the new version does not have. So each version's files are
kept in the data folder, and go a month after another took their place.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path

from core.clock import Clock

log = logging.getLogger(__name__)

FOLDER = "snippets"
KEPT_MS = 30 * 86_400_000
"""A tab that was open for longer loads its parts no more."""

_NOW = "in-use.json"


def keep_snippet(built: Path, kept: Path, clock: Clock) -> None:
    """
    Keep the files of *built* in *kept*, and remove what has been out of use for a month.

    What cannot be kept is no reason not to start: it is logged.
    """
    try:
        now = _names(built)
        kept.mkdir(mode=0o700, exist_ok=True)
        before = _in_use(kept)
        for name in now:
            _copy(built / name, kept / name)
        _retire(kept, set(before) - set(now), clock)
        _drop(kept, {*before, *now, _NOW}, clock)
        draft = kept / f".{_NOW}"
        draft.write_text(json.dumps(now))
        draft.rename(kept / _NOW)
    except OSError as error:
        log.warning("the snippet's files could not be kept for pages that are open: %s", error)


def _names(built: Path) -> list[str]:
    """Return the files that pages load by their hash, compressed ones too; none if nothing is built."""
    try:
        names = json.loads((built / "manifest.json").read_bytes())
        files = [names["recorder"], *names["parts"].values()]
    except (OSError, ValueError, KeyError):
        return []
    ends = ("", ".br", ".gz")
    return [name + end for name in files for end in ends if (built / (name + end)).is_file()]


def _in_use(kept: Path) -> list[str]:
    try:
        names = json.loads((kept / _NOW).read_bytes())
    except (OSError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _copy(source: Path, target: Path) -> None:
    if not target.is_file():
        draft = target.with_name(f".{target.name}")
        shutil.copyfile(source, draft)
        draft.rename(target)


def _retire(kept: Path, names: set[str], clock: Clock) -> None:
    """Note that *names* are out of use from now on."""
    now_s = clock.now_ms() / 1000
    for name in names:
        if (kept / name).is_file():
            os.utime(kept / name, (now_s, now_s))


def _drop(kept: Path, needed: set[str], clock: Clock) -> None:
    for path in kept.iterdir():
        if path.name not in needed and path.stat().st_mtime * 1000 < clock.now_ms() - KEPT_MS:
            path.unlink()
