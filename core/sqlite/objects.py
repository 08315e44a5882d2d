"""
The files below sealed/: one object for each finished session, in compressed frames with an index.

Owns their form, and that a file is durable before anybody is told its name. Which objects count is
said by rows alone.

    8 bytes  magic
    4 bytes  length of the head, big-endian
    4 bytes  its CRC-32
    head     JSON: {"stock": [site, hash] or null, "frames": each [compressed length, length, base]},
             base the number of a frame, -1 the stock, null nothing
    frames   zstd without magic, its base's content as raw dictionary
"""

from __future__ import annotations

import gzip
import os
import secrets
import struct
import threading
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import zstandard as zstd

from core.errors import StoreError
from core.sealed import STOCK, SealedFrame, StockRef
from core.sqlite.disk import Disk
from core.wire import GZIP

FOLDER = "sealed"
STOCKS = "stocks"
COPIES = "stocks.copy"
"""Every stock is kept twice: a damaged one would take all that rests on it with it."""

ENDING = ".sealed"

LEVEL = 9
"""Beyond it a tenth is saved for three times the CPU (real visits; bench/storage.py)."""

CACHE_BYTES = 24_000_000
"""Inflated frames that are kept: who reads a recording reads the chunks of a frame one by one."""

_MAGIC = b"STOLPER1"
_LEAD = struct.Struct(">8sII")
_FORMAT = zstd.FORMAT_ZSTD1_MAGICLESS

StockOf = Callable[[StockRef], bytes]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a frame lies in its file, how long its content is, and which frame is its base."""

    offset: int
    packed: int
    length: int
    base: int | None


@dataclass(frozen=True, slots=True)
class _Head:
    stock: StockRef | None
    places: list[_Place]


class Objects:
    """The files, by name. Reading is done by several threads. *stock_of* reads a stock."""

    def __init__(self, folder: Path, disk: Disk, stock_of: StockOf) -> None:
        self._folder = folder
        self._disk = disk
        self._stock_of = stock_of
        self._cache: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._cached = 0
        self._lock = threading.Lock()
        self._prepared: tuple[StockRef, zstd.ZstdCompressionDict] | None = None

    def write(self, frames: Sequence[SealedFrame], stock: StockRef | None) -> tuple[str, int]:
        """Write an object and return its name and size once it is durable. Raise OSError."""
        token = secrets.token_hex(8)
        name = f"{token[:2]}/{token}{ENDING}"
        path = self._folder / name
        data = pack(frames, stock, None if stock is None else self._prepare(stock))
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
            dictionary = _dictionary(self._stock_of(stock))
            dictionary.precompute_compress(level=LEVEL)
            self._prepared = stock, dictionary
        return self._prepared[1]

    def read(self, name: str, frame: int) -> bytes:
        """Return the content of a frame. Raise StoreError if it is damaged or not there."""
        known = self._known(name, frame)
        if known is not None:
            return known
        try:
            with (self._folder / name).open("rb") as file:
                head = _read_head(file.read(_LEAD.size), file.read, name)
                return self._frame(file.fileno(), name, head, frame)
        except OSError as error:
            raise StoreError(f"object {name} cannot be read: {error}") from error

    def _frame(self, fd: int, name: str, head: _Head, number: int) -> bytes:
        content: bytes | None = None
        for nth in _chain(head, number, name):
            known = self._known(name, nth)
            if known is None:
                place = head.places[nth]
                base = self._stock_of(_stock(head, name)) if place.base == STOCK else content
                packed = os.pread(fd, place.packed, place.offset)
                known = _unpack(packed, place.length, base, name)
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

    def drop(self, name: str) -> None:
        """Remove an object that no row names, if it is there."""
        with self._lock:
            for key in [key for key in self._cache if key[0] == name]:
                self._cached -= len(self._cache.pop(key))
        self._disk.unlink(self._folder / name)

    def part(self, name: str, frame: int, offset: int, length: int, crc32: int) -> bytes:
        """Return a part of a frame. Raise StoreError if it is damaged."""
        content = self.read(name, frame)[offset : offset + length]
        if len(content) != length or zlib.crc32(content) != crc32:
            raise StoreError(f"object {name} is damaged at {offset} of frame {frame}")
        return content

    def old(self, before_ms: int) -> list[str]:
        """Return the names of the files, drafts among them, that were last changed before."""
        return [
            f"{path.parent.name}/{path.name}"
            for path in self._folder.glob("*/*")
            if path.stat().st_mtime * 1000 < before_ms
        ]


def recoded(content: bytes, encoding: int, wanted: int) -> bytes:
    """Return *content* of a chunk in the encoding that is *wanted* of it."""
    if encoding == wanted:
        return content
    return gzip.compress(content, 1, mtime=0) if wanted == GZIP else gzip.decompress(content)


def pack(
    frames: Sequence[SealedFrame],
    stock: StockRef | None = None,
    prepared: zstd.ZstdCompressionDict | None = None,
) -> bytes:
    """Return *frames* as the bytes of a file. *prepared* is what *stock* is compressed with."""
    contents = [frame.content for frame in frames]
    uses = Counter(frame.base for frame in frames)
    dictionaries: dict[int, zstd.ZstdCompressionDict] = (
        {} if prepared is None else {STOCK: prepared}
    )
    packed: list[bytes] = []
    for frame, content in zip(frames, contents, strict=True):
        base = frame.base
        if base is not None and base not in dictionaries:
            dictionaries[base] = _dictionary(contents[base])
            if uses[base] > 1:
                dictionaries[base].precompute_compress(level=LEVEL)
        known = len(contents[base]) if base is not None and base >= 0 else 0
        packed.append(_pack(content, None if base is None else dictionaries[base], known))
    told = {
        "stock": None if stock is None else [stock.site, stock.name],
        "frames": [
            [len(one), len(content), frame.base]
            for frame, content, one in zip(frames, contents, packed, strict=True)
        ],
    }
    head = orjson.dumps(told)
    return b"".join([_LEAD.pack(_MAGIC, len(head), zlib.crc32(head)), head, *packed])


def contents(data: bytes, name: str, stock_of: StockOf) -> Iterator[bytes]:
    """Give the content of every frame of an object's file. Raise StoreError if it is damaged."""
    at = _LEAD.size

    def read(count: int) -> bytes:
        return data[at : at + count]

    head = _read_head(data[: _LEAD.size], read, name)
    made: list[bytes] = []
    for place in head.places:
        packed = data[place.offset : place.offset + place.packed]
        base = None if place.base is None or place.base < 0 else made[place.base]
        if place.base == STOCK:
            base = stock_of(_stock(head, name))
        made.append(_unpack(packed, place.length, base, name))
        yield made[-1]


def _read_head(lead: bytes, read: Callable[[int], bytes], name: str) -> _Head:
    try:
        magic, length, checksum = _LEAD.unpack(lead)
    except struct.error:
        raise StoreError(f"object {name} is cut off") from None
    head = read(length) if magic == _MAGIC else b""
    if magic != _MAGIC or zlib.crc32(head) != checksum:
        raise StoreError(f"object {name} has a damaged head")
    told = orjson.loads(head)
    offset = _LEAD.size + length
    places = []
    for packed, content, base in told["frames"]:
        places.append(_Place(offset, packed, content, base))
        offset += packed
    return _Head(StockRef(*told["stock"]) if told["stock"] else None, places)


def _stock(head: _Head, name: str) -> StockRef:
    if head.stock is None:
        raise StoreError(f"object {name} names no stock")
    return head.stock


def _chain(head: _Head, number: int, name: str) -> list[int]:
    """Return the frames that are needed for frame *number*, the first base first."""
    if not 0 <= number < len(head.places):
        raise StoreError(f"object {name} has no frame {number}")
    chain = [number]
    while (base := head.places[chain[-1]].base) is not None and base >= 0:
        if base >= chain[-1]:
            raise StoreError(f"object {name} has a damaged head")
        chain.append(base)
    return chain[::-1]


def _dictionary(content: bytes) -> zstd.ZstdCompressionDict:
    return zstd.ZstdCompressionDict(content, dict_type=zstd.DICT_TYPE_RAWCONTENT)


def _pack(content: bytes, dictionary: zstd.ZstdCompressionDict | None, known: int) -> bytes:
    parameters = zstd.ZstdCompressionParameters.from_level(
        LEVEL,
        source_size=len(content),
        dict_size=known,
        format=_FORMAT,
        write_checksum=True,
        write_content_size=True,
    )
    packer = zstd.ZstdCompressor(compression_params=parameters, dict_data=dictionary)
    packed: bytes = packer.compress(content)
    return packed


def _unpack(packed: bytes, length: int, base: bytes | None, name: str) -> bytes:
    dictionary = _dictionary(base) if base else None
    unpacker = zstd.ZstdDecompressor(dict_data=dictionary, format=_FORMAT)
    try:
        content: bytes = unpacker.decompress(packed, max_output_size=length)
    except zstd.ZstdError as error:
        raise StoreError(f"object {name} is damaged: {error}") from None
    if len(content) != length:
        raise StoreError(f"object {name} is damaged")
    return content
