"""
Overwrites files, or parts of them, so that what was in them is not there any more.

The one exception to "segments are only appended to". What a copy-on-write file system or a flash disk
keeps beneath a file is out of reach from here; docs/data-protection.md says so.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from core.sqlite.disk import Disk
from core.sqlite.erasing import Work

PIECE = 1 << 20


def wipe(data: Path, work: Iterable[Work], disk: Disk) -> int:
    """Do *work* in the data folder *data*, durably; return how many bytes were overwritten."""
    total = 0
    ranges: dict[str, list[tuple[int, int]]] = {}
    for one in work:
        if one.length is None:
            total += wipe_file(data / one.path, disk)
        else:
            ranges.setdefault(one.path, []).append((one.offset, one.length))
    for path, parts in ranges.items():
        total += wipe_ranges(data / path, parts, disk)
    return total


def wipe_file(path: Path, disk: Disk) -> int:
    """Overwrite the file at *path* and remove it; return its size. One that is not there is no fault."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    done = wipe_ranges(path, [(0, size)], disk)
    disk.unlink(path)
    disk.fsync_folder(path.parent)
    return done


def wipe_ranges(path: Path, ranges: Iterable[tuple[int, int]], disk: Disk) -> int:
    """Overwrite *ranges* (offset, length) of the file at *path*; return how many bytes that were."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    done = 0
    try:
        size = os.fstat(fd).st_size
        for offset, length in ranges:
            end = min(offset + length, size)
            while offset < end:
                count = os.pwrite(fd, bytes(min(PIECE, end - offset)), offset)
                offset += count
                done += count
        disk.fsync(fd)
    finally:
        os.close(fd)
    return done


def unnamed_ranges(db: sqlite3.Connection, sizes: dict[str, int]) -> list[Work]:
    """
    Return the ranges of segments that no row names: what failed writes and earlier erasures left.

    *sizes* are the bytes of each segment whose rows are known to be there.
    """
    named: dict[str, list[tuple[int, int]]] = {name: [] for name in sizes}
    marks = ",".join("?" * len(sizes))
    for segment, offset, length in db.execute(
        f"SELECT segment, offset, length FROM batches WHERE segment IN ({marks})", [*sizes]
    ):
        named[segment].append((offset, offset + length))
    work: list[Work] = []
    for name, parts in named.items():
        at = 0
        for begin, end in [*sorted(parts), (sizes[name], sizes[name])]:
            if at < begin <= sizes[name]:
                work.append(Work(f"segments/{name}", at, begin - at))
            at = max(at, end)
    return work
