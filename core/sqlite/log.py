"""
The database's write-ahead log, as SQLite will read it after a crash.

SQLite stops at the first frame whose checksum is wrong and forgets all behind it, without a word: right
after a crash, when what is behind was never waited for; wrong when the medium has changed a frame, for what
is behind had been acknowledged. Owns telling the two apart, from the file alone. What the file looks like is
in docs of SQLite's file format, section 4.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.sqlite.disk import Disk

ASIDE = "damaged"
"""Folder of the data folder for what was found damaged, by the time of that."""

MOST_BYTES = 64 << 20
"""A log is some 4 MB; one that grew larger, while a backup read, is not looked at."""

HEADER, FRAME = 32, 24
MAGIC = 0x377F0682
"""Its lowest bit says whether checksums are of big-endian words."""

IN_DOUBT = 1
"""
Commits from a damaged frame on that a crash explains: the last commit may be on the medium in part. Each
but the last was waited for (synchronous = FULL) before the next was begun.
"""


@dataclass(frozen=True, slots=True)
class LogDamage:
    """The log's frame *frame*, from 0, is damaged; *commits* from there on will be forgotten by SQLite."""

    frame: int
    commits: int

    def __str__(self) -> str:
        return f"frame {self.frame} is damaged: {self.commits} commits from there on are not read"


def aside(data: Path, now_ms: int) -> Path:
    """Return the folder for what is found damaged at *now_ms*."""
    return data / ASIDE / datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def keep_damaged_log(log: Path, folder: Path, disk: Disk) -> LogDamage | None:
    """
    If *log* is damaged, copy it into *folder* and say so, before SQLite opens it and writes over it.

    Raise OSError if it cannot be copied.
    """
    damage = log_damage(log)
    if damage is None:
        return None
    for one in (folder.parent, folder):
        disk.make_folder(one)
    copy = folder / log.name
    if not copy.exists():
        draft = copy.with_name(f".{copy.name}")
        draft.unlink(missing_ok=True)
        fd = disk.open_append(draft)
        try:
            disk.write(fd, log.read_bytes())
            disk.fsync(fd)
        finally:
            os.close(fd)
        disk.rename(draft, copy)
        disk.fsync_folder(folder)
    return damage


def log_damage(path: Path) -> LogDamage | None:
    """
    Return where the log at *path* is damaged; None if it is whole, or ends as after a crash.

    One that changes meanwhile is in use, and not damaged.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        content = path.read_bytes()
        found = _damage(content)
        return found if found and content == path.read_bytes() else None
    except FileNotFoundError:
        return None


def _damage(content: bytes) -> LogDamage | None:
    if len(content) < HEADER:
        return None
    magic, _, size, _, *salts = struct.unpack_from(">6I", content)
    big = magic & 1
    if magic & ~1 != MAGIC or _sum(content[:24], (0, 0), big) != _pair(content, 24):
        return None
    damaged: int | None = None
    commits, seen = 0, _pair(content, 24)
    for number, at in enumerate(range(HEADER, len(content) - FRAME - size + 1, FRAME + size)):
        _, pages, *own = struct.unpack_from(">4I", content, at)
        told = _pair(content, at + 16)
        whole = own == salts and told == _sum(
            content[at + FRAME : at + FRAME + size], _sum(content[at : at + 8], seen, big), big
        )
        if damaged is None and not whole:
            damaged = number
            commits += own == salts and pages != 0
        elif damaged is not None and whole and pages:
            commits += 1
        seen = told  # each frame's sum is over the one before it: one that is damaged spoils no other's
    if damaged is None or commits <= IN_DOUBT:
        return None
    return LogDamage(damaged, commits)


def _pair(content: bytes, at: int) -> tuple[int, int]:
    one, two = struct.unpack_from(">2I", content, at)
    return one, two


def _sum(content: bytes, before: tuple[int, int], big: int) -> tuple[int, int]:
    """Return SQLite's checksum of *content*, going on from *before*."""
    one, two = before
    words = struct.unpack(f"{'>' if big else '<'}{len(content) // 4}I", content)
    for n in range(0, len(words), 2):
        one = (one + words[n] + two) & 0xFFFFFFFF
        two = (two + words[n + 1] + one) & 0xFFFFFFFF
    return one, two
