"""
A disk that loses its power: what of a traced run may be on it, by what was asked and waited for.

What an fsync waited for is there: the bytes of its file that were written before it began, the names of
its folder. Of all else any part may be: bytes not at all, or some sectors of them; names up to any
point. Files that are mapped into memory (SQLite's -shm) are gone: they are made anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.faults.trace import Op

SECTOR = 512
"""A disk writes these as a whole, and nothing larger."""

Keeps = Callable[[], bool]


@dataclass(slots=True)
class _File:
    ops: list[Op] = field(default_factory=list)
    syncs: list[Op] = field(default_factory=list)
    size: int = 0  # for what is appended

    def durable(self, op: Op, at: int) -> bool:
        return any(op.end < sync.begin and sync.end <= at for sync in self.syncs)


class Disk:
    """What became of the files below *root* in the run that *ops* tell of."""

    def __init__(self, ops: Sequence[Op], root: Path, before: Path) -> None:
        """*before* is a copy of what was there, on the medium, when the run began."""
        self._root = str(root)
        self._names: list[tuple[Op, _File | None]] = []  # ops on names, with the file made by them
        self._folder_syncs: dict[str, list[Op]] = {}
        self.answers = [op for op in ops if op.kind == "answer"]
        self.last = max(op.end for op in ops)
        there: dict[str, _File] = {}
        for op in [*_found(before, self._root), *ops]:
            self._take(op, there)

    def _take(self, op: Op, there: dict[str, _File]) -> None:
        if op.kind == "create":
            if op.path not in there:
                there[op.path] = _File()
                self._names.append((op, there[op.path]))
        elif op.kind == "mkdir":
            self._names.append((op, None))
        elif op.kind == "rename":
            there[op.to] = there.pop(op.path)
            self._names.append((op, None))
        elif op.kind == "unlink":
            there.pop(op.path, None)
            self._names.append((op, None))
        elif op.kind == "fsync":
            if op.path in there:
                there[op.path].syncs.append(op)
            else:
                self._folder_syncs.setdefault(op.path, []).append(op)
        elif op.path in there:  # else nobody will read it: it was removed
            self._change(op, there[op.path])

    def _change(self, op: Op, file: _File) -> None:
        """Note a change of *file*'s bytes, at its place: a file that is appended to knows where it ends."""
        if op.kind == "write":
            offset = file.size if op.offset is None else op.offset
            file.size = max(file.size, offset + len(op.data))
            op = Op("write", op.begin, op.end, op.path, offset=offset, data=op.data)
        else:
            file.size = op.offset or 0
            op = Op("cut", op.begin, op.end, op.path, offset=file.size)
        file.ops.append(op)

    def answered(self, at: int) -> dict[str, int]:
        """Return how many answers each port may have got when the power went."""
        found: dict[str, int] = {}
        for op in self.answers:
            if op.begin <= at:
                found[op.path] = found.get(op.path, 0) + 1
        return found

    def moments(self) -> list[int]:
        """Return all moments at which something was begun or had ended."""
        ops = [op for op, _ in self._names] + self.answers
        files = {id(file): file for _, file in self._names if file is not None}.values()
        for file in files:
            ops += [*file.ops, *file.syncs]
        return sorted({line for op in ops for line in (op.begin, op.end) if line >= 0})

    def lay_out(self, at: int, target: Path, rnd: random.Random | None = None) -> None:
        """
        Make *target* what is on the disk when the power goes at *at*.

        Without *rnd* only what was waited for is there; with it, any part of the rest as well.
        """
        keeps: Keeps = (lambda: False) if rnd is None else (lambda: rnd.random() < 0.5)
        folders, names = self._named(at, rnd)
        target.mkdir()
        for folder in sorted(folders):
            if folder != self._root:
                self._place(folder, target).mkdir(exist_ok=True)
        for path, file in names.items():
            place = self._place(path, target)
            if place.parent.is_dir() and not path.endswith("-shm"):
                place.write_bytes(_content(file, at, keeps))

    def _place(self, path: str, target: Path) -> Path:
        return target / path.removeprefix(self._root).lstrip("/")

    def _named(self, at: int, rnd: random.Random | None) -> tuple[set[str], dict[str, _File]]:
        """Return the folders and files that have their names."""
        begun = [(op, file) for op, file in self._names if op.begin <= at]
        # A journal keeps the order of names: those up to one moment are there.
        upto = rnd.randint(0, len(begun)) if rnd is not None else 0
        folders: set[str] = set()
        names: dict[str, _File] = {}
        drafts: dict[str, _File] = {}  # files whose renaming alone counts
        for number, (op, file) in enumerate(begun):
            kept = number < upto or self._name_is_durable(op, at)
            if op.kind == "mkdir" and kept:
                folders.add(op.path)
            elif op.kind == "create" and file is not None:
                drafts[op.path] = file
                if kept:
                    names[op.path] = file
            elif op.kind == "rename":
                moved = drafts.pop(op.path)
                drafts[op.to] = moved
                if kept:
                    names.pop(op.path, None)
                    names[op.to] = moved
            elif op.kind == "unlink":
                drafts.pop(op.path, None)
                if kept:
                    names.pop(op.path, None)
        return folders, names

    def _name_is_durable(self, op: Op, at: int) -> bool:
        if op.end < 0:
            return True
        folder = (op.to or op.path).rpartition("/")[0]
        syncs = self._folder_syncs.get(folder, ())
        return any(op.end < sync.begin and sync.end <= at for sync in syncs)


def _found(before: Path, root: str) -> list[Op]:
    """Return what is needed to make *before*, as something long done."""
    ops: list[Op] = []
    for path in sorted(before.rglob("*")):
        name = f"{root}/{path.relative_to(before)}"
        if path.is_dir():
            ops.append(Op("mkdir", -5, -5, name))
            continue
        ops.append(Op("create", -5, -5, name))
        ops.append(Op("write", -4, -4, name, offset=0, data=path.read_bytes()))
        ops.append(Op("fsync", -3, -2, name))
    return ops


def _content(file: _File, at: int, keeps: Keeps) -> bytes:
    content = bytearray()
    for op in file.ops:
        if op.begin > at:
            continue
        whole = file.durable(op, at)
        assert op.offset is not None
        if op.kind == "cut":
            if whole or keeps():
                content[op.offset :] = bytes(max(0, op.offset - len(content)))
                del content[op.offset :]
        elif whole:
            _put(content, op.offset, op.data)
        elif keeps():
            _put_sectors(content, op.offset, op.data, keeps)
    return bytes(content)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _put_sectors(content: bytearray, offset: int, data: bytes, keeps: Keeps) -> None:
    """Put all of *data*, or those of its sectors that came to the disk."""
    if keeps():
        _put(content, offset, data)
        return
    at = 0
    while at < len(data):
        size = SECTOR - (offset + at) % SECTOR
        if keeps():
            _put(content, offset + at, data[at : at + size])
        at += size
