"""
The files below sealed/: one object for each finished session (packing.py has their form).

Owns that a file is durable before anybody is told its name, and what is remembered of files that are
read. Which objects count is said by rows alone.
"""

from __future__ import annotations

import gzip
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import zstandard as zstd

from core.errors import StoreError
from core.model import ChunkRef
from core.sealed import STOCK, KeyframeRef, SealedFrame, StockRef
from core.sqlite import packing
from core.sqlite.disk import Disk
from core.sqlite.packing import LEAD, LEVEL, Head, StockOf
from core.sqlite.wipe import wipe_file
from core.wire import GZIP

FOLDER = "sealed"
ENDING = ".sealed"

CACHE_BYTES = 24_000_000
"""Inflated frames that are kept: who reads a recording reads the chunks of a frame one by one."""

MOST_HEADS = 100
"""Heads that are kept, of some kilobytes each."""

NOWHERE = -1
"""The frame of a chunk whose object cannot be read: to read it is an error that names the object."""


class Objects:
    """The files, by name. Reading is done by several threads. *stock_of* reads a stock."""

    def __init__(self, folder: Path, disk: Disk, stock_of: StockOf) -> None:
        self._folder = folder
        self._disk = disk
        self._stock_of = stock_of
        self._cache: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._cached = 0
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._lock = threading.Lock()
        self._prepared: tuple[StockRef, zstd.ZstdCompressionDict] | None = None

    def write(self, frames: Sequence[SealedFrame], stock: StockRef | None) -> tuple[str, int]:
        """Write an object and return its name and size once it is durable. Raise OSError."""
        token = secrets.token_hex(8)
        name = f"{token[:2]}/{token}{ENDING}"
        path = self._folder / name
        data = packing.pack(frames, stock, None if stock is None else self._prepare(stock))
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._disk.fsync_folder(self._folder)
        draft = path.with_name(f".{path.name}")
        try:
            fd = self._disk.open_append(draft)
            try:
                self._disk.write(fd, data)
                self._disk.fsync(fd)
            finally:
                os.close(fd)
            self._disk.rename(draft, path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._disk.fsync_folder(path.parent)
        return name, len(data)

    def _prepare(self, stock: StockRef) -> zstd.ZstdCompressionDict:
        """Return *stock* ready to compress with, which takes longer than a session."""
        if self._prepared is None or self._prepared[0] != stock:
            dictionary = packing.dictionary(self._stock_of(stock))
            dictionary.precompute_compress(level=LEVEL)
            self._prepared = stock, dictionary
        return self._prepared[1]

    def chunk(self, name: str, ref: ChunkRef) -> ChunkRef:
        """Return where the chunk *ref* lies in the object *name*."""
        try:
            part = self.head(name).chunks.get((ref.page_load, ref.seq))
        except StoreError:
            part = None
        if part is None:
            return replace(ref, segment=name, frame=NOWHERE)
        first_t, last_t = part.span
        info = replace(
            ref.info,
            encoding=part.encoding,
            first_t=ref.info.first_t if first_t is None else first_t,
            last_t=ref.info.last_t if last_t is None else last_t,
        )
        return replace(
            ref, segment=name, frame=part.frame, offset=part.offset, length=part.length,
            crc32=part.crc32, info=info,
        )  # fmt: skip

    def keyframes(self, name: str, session: str, page_load: str) -> list[KeyframeRef]:
        """Return the keyframes of a document, by time. Raise StoreError if the object is damaged."""
        return [
            KeyframeRef(session, page_load, t, name, one.frame, one.offset, one.length, one.crc32)
            for t, one in self.head(name).keyframes.get(page_load, ())
        ]

    def activity(self, name: str) -> bytes | None:
        """Return what was noted of the session's activity, if it was. Raise StoreError if that is damaged."""
        part = self.head(name).activity
        if part is None:
            return None
        return self.part(name, part.frame, part.offset, part.length, part.crc32)

    def head(self, name: str) -> Head:
        """Return what an object holds. Raise StoreError if it is damaged or not there."""
        with self._lock:
            known = self._heads.get(name)
            if known is not None:
                self._heads.move_to_end(name)
                return known
        try:
            with (self._folder / name).open("rb") as file:
                head = packing.read_head(file.read(LEAD.size), file.read, name)
        except OSError as error:
            raise StoreError(f"object {name} cannot be read: {error}") from error
        with self._lock:
            self._heads[name] = head
            if len(self._heads) > MOST_HEADS:
                self._heads.popitem(last=False)
        return head

    def read(self, name: str, frame: int) -> bytes:
        """Return the content of a frame. Raise StoreError if it is damaged or not there."""
        known = self._known(name, frame)
        if known is not None:
            return known
        head = self.head(name)
        wanted = packing.chain(head, frame, name)
        try:
            with (self._folder / name).open("rb") as file:
                return self._frames(file.fileno(), name, head, wanted)
        except OSError as error:
            raise StoreError(f"object {name} cannot be read: {error}") from error

    def _frames(self, fd: int, name: str, head: Head, chain: list[int]) -> bytes:
        """Read the frames of *chain*, each on the one before; return the last one's content."""
        content: bytes | None = None
        for nth in chain:
            known = self._known(name, nth)
            if known is None:
                frame = head.frames[nth]
                on_stock = frame.base == STOCK
                base = self._stock_of(packing.rests_on(head, name)) if on_stock else content
                packed = os.pread(fd, frame.packed, frame.offset)
                known = packing.unpack(packed, frame.length, base, name)
                self._keep(name, nth, known)
            content = known
        assert content is not None
        return content

    def _known(self, name: str, frame: int) -> bytes | None:
        with self._lock:
            found = self._cache.get((name, frame))
            if found is not None:
                self._cache.move_to_end((name, frame))
            return found

    def _keep(self, name: str, frame: int, content: bytes) -> None:
        with self._lock:
            if (name, frame) in self._cache or len(content) > CACHE_BYTES:
                return
            self._cache[name, frame] = content
            self._cached += len(content)
            while self._cached > CACHE_BYTES:
                _, oldest = self._cache.popitem(last=False)
                self._cached -= len(oldest)

    def forget(self, name: str) -> None:
        """Remember nothing of what the object *name* holds."""
        with self._lock:
            self._heads.pop(name, None)
            for key in [key for key in self._cache if key[0] == name]:
                self._cached -= len(self._cache.pop(key))

    def drop(self, name: str, *, overwrite: bool = False) -> None:
        """Remove an object that no row names, if it is there; *overwrite* what was in it."""
        self.forget(name)
        if overwrite:
            wipe_file(self._folder / name, self._disk)
        else:
            self._disk.unlink(self._folder / name)

    def part(self, name: str, frame: int, offset: int, length: int, crc32: int) -> bytes:
        """Return a part of a frame. Raise StoreError if it is damaged."""
        content = self.read(name, frame)[offset : offset + length]
        if not packing.is_whole(content, length, crc32):
            raise StoreError(f"object {name} is damaged at {offset} of frame {frame}")
        return content

    def old(self, before_ms: int) -> list[str]:
        """Return the names of the files, drafts among them, that were last changed before."""
        found: list[str] = []
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):  # it was removed, or got its name, meanwhile
                if path.stat().st_mtime * 1000 < before_ms:
                    found.append(f"{path.parent.name}/{path.name}")
        return found


def recoded(content: bytes, encoding: int, wanted: int) -> bytes:
    """Return *content* of a chunk in the encoding that is *wanted* of it."""
    if encoding == wanted:
        return content
    return gzip.compress(content, 1, mtime=0) if wanted == GZIP else gzip.decompress(content)
