"""
Finds texts in bytes, in every form that an encoding gives them and inside compressed members.

Owns the forms, the inflating and the walk through a data folder. What a find means is told by
places.py.
"""

from __future__ import annotations

import base64
import html
import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from core.errors import StoreError, UserError
from core.sealed import StockRef
from core.sqlite import objects, packing, stocks
from core.sqlite.stocks import content_of

MOST_BYTES = 256_000_000
"""Of one inflated member; what is larger is no recording of ours."""
DEEPEST = 4
"""How often compressed things may lie in one another: a gzip chunk in a stored batch is 2."""
ZSTD = b"\x28\xb5\x2f\xfd"
_MAGICS = {b"\x1f\x8b\x08": 31, b"\x78\x01": 15, b"\x78\x5e": 15, b"\x78\x9c": 15, b"\x78\xda": 15}


class OpaqueError(UserError):
    """A member is compressed in a way that cannot be undone here: nobody may call it clean."""


@dataclass(frozen=True, slots=True)
class Found:
    """*text* stands in *where*, written in *form*."""

    text: str
    where: str
    form: str


class Search:
    """Looks for *texts*, all at once: hundreds of them cost little more than one."""

    def __init__(self, texts: Iterable[str]) -> None:
        groups: dict[tuple[bool, bytes], dict[bytes, tuple[str, str]]] = {}
        for text in texts:
            for exact, written, form in _forms(text):
                group = groups.setdefault((exact, written[:2]), {})
                group.setdefault(written, (text, form))
        self._groups = [(exact, _Group(table)) for (exact, _), table in groups.items()]

    def look(self, where: str, data: bytes) -> list[Found]:
        """Return what stands in *data*, or in what is compressed in it, once a place."""
        found: dict[tuple[str, str], Found] = {}
        for place, plain in [(where, data), *members(where, data)]:
            lower = plain.lower()
            for exact, group in self._groups:
                for text, form in group.within(plain if exact else lower):
                    found.setdefault((place, text), Found(text, place, form))
        return list(found.values())


class _Group:
    """Written forms that begin alike, so that most data is passed over by its beginning."""

    def __init__(self, table: dict[bytes, tuple[str, str]]) -> None:
        self._table = table
        first, last = min(table), max(table)
        alike = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
        self._begins = first if alike is None else first[:alike]
        longest = sorted(table, key=len, reverse=True)
        self._any = re.compile(b"|".join(map(re.escape, longest)))

    def within(self, data: bytes) -> Iterator[tuple[str, str]]:
        if self._begins not in data:
            return
        for match in set(self._any.findall(data)):
            # A shorter text may stand inside of a longer one.
            yield from (told for written, told in self._table.items() if written in match)


def _forms(text: str) -> Iterator[tuple[bool, bytes, str]]:
    """Return how *text* may be written: whether its case counts, the bytes, and their name."""
    raw = text.encode()
    escaped = "".join(f"\\u{ord(unit):04x}" for unit in _units(text))
    folded = [
        (raw, "plain"),
        (text.upper().encode(), "plain"),  # bytes fold ASCII only
        (text.lower().encode(), "plain"),
        (text.encode("utf-16-le"), "UTF-16"),
        (text.encode("utf-16-be"), "UTF-16"),
        (raw.hex().encode(), "hexadecimal"),
        (json.dumps(text)[1:-1].encode(), "JSON"),
        (json.dumps(text, ensure_ascii=False)[1:-1].encode(), "JSON"),
        (escaped.encode(), "JSON"),
        (html.escape(text).encode(), "HTML"),
        (quote(text, safe="").encode(), "URL"),
        (quote_plus(text).encode(), "URL"),
        ("".join(f"%{byte:02x}" for byte in raw).encode(), "URL"),
    ]
    for written, form in folded:
        yield False, written.lower(), form
    for encoded in (raw, text.encode("utf-16-le")):
        for part in _base64(encoded):
            yield True, part, "base64"
            yield True, part.translate(_URL_SAFE), "base64"


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _units(text: str) -> Iterator[str]:
    """Return the UTF-16 units of *text*, as JSON escapes them."""
    raw = text.encode("utf-16-be")
    return (chr(raw[at] << 8 | raw[at + 1]) for at in range(0, len(raw), 2))


def _base64(raw: bytes) -> Iterator[bytes]:
    """Return what is the same in base64 whatever stands around *raw*, for each alignment."""
    for before, first in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(raw)) * 8 // 6
        yield base64.b64encode(bytes(before) + raw)[first:whole]


def members(where: str, data: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """
    Return what is compressed anywhere in *data*, inflated, and what is compressed in that.

    gzip and zlib by their magic, raw deflate where *data* as a whole is it. Raise OpaqueError for
    a zstd frame when its decoder is not installed.
    """
    if depth >= DEEPEST:
        return
    for at, plain in _inflated(data):
        place = f"{where}, inflated at byte {at}"
        yield place, plain
        yield from members(place, plain, depth + 1)


def _inflated(data: bytes) -> Iterator[tuple[int, bytes]]:
    for magic, bits in _MAGICS.items():
        at = data.find(magic)
        while at >= 0:
            plain = _inflate(data[at:], bits)
            if plain:
                yield at, plain
            at = data.find(magic, at + 1)
    whole = _inflate(data, -15, to_the_end=True)
    if whole:
        yield 0, whole
    at = data.find(ZSTD)
    while at >= 0:
        yield at, _unzstd(data[at:], at)
        at = data.find(ZSTD, at + 1)


def _inflate(data: bytes, bits: int, *, to_the_end: bool = False) -> bytes:
    """Return what *data* begins with, as far as it can be inflated; a torn member counts too."""
    inflater = zlib.decompressobj(wbits=bits)
    plain = bytearray()
    try:
        for at in range(0, len(data), 65_536):
            plain += inflater.decompress(data[at : at + 65_536])
            if inflater.eof or len(plain) > MOST_BYTES:
                break
    except zlib.error:
        return b"" if to_the_end else bytes(plain)
    return b"" if to_the_end and not inflater.eof else bytes(plain)


def _unzstd(data: bytes, at: int) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise OpaqueError(f"a zstd frame at byte {at}: pip install zstandard") from None
    plain: bytes = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return plain


def folder(path: Path) -> Iterator[tuple[str, bytes]]:
    """
    Return all that lies in the data folder *path*: each file's bytes, and each column of a database.

    A database is read twice: raw, for what was deleted and what is in its log only, and by column,
    for a value may lie in pieces over its pages.
    """
    for file in sorted(path.rglob("*")):
        if not file.is_file():
            continue
        name = file.relative_to(path).as_posix()
        data = file.read_bytes()
        yield name, data
        yield name, name.encode()
        if name.startswith(f"{objects.FOLDER}/"):
            yield from _frames(path, data, name)
        if data.startswith(b"SQLite format 3\0"):
            yield from _values(file, name)


def _frames(path: Path, data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Return what the frames of a finished session's object hold; nobody may call clean what is damaged."""

    def stock_of(stock: StockRef) -> bytes:
        return content_of(path / stocks.FOLDERS[0] / stock.site / stock.name)

    try:
        for number, content in enumerate(packing.contents(data, name, stock_of)):
            yield f"{name}: frame {number}", content
    except (StoreError, OSError) as error:
        raise OpaqueError(str(error)) from None


def _column(values: Iterable[object]) -> bytes:
    """Return a column's texts and blobs in one, apart from one another: one search for all."""
    return b"\0\0\0\0".join(
        value.encode() if isinstance(value, str) else value
        for value in values
        if isinstance(value, str | bytes)
    )


def _values(file: Path, name: str) -> Iterator[tuple[str, bytes]]:
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            cursor = db.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            for at, column in enumerate(columns):
                yield f"{name}: {table}.{column}", _column(row[at] for row in rows)
    finally:
        db.close()
