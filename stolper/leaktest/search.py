"""
Finds texts in bytes, in every form that an encoding gives them and inside compressed members.

Owns the forms, the inflating and the walk through a data folder. What a find means is told by
places.py.
"""

from __future__ import annotations

import base64
import html
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

MOST_BYTES = 256_000_000
"""Of one inflated member; what is larger is no recording of ours."""
DEEPEST = 4
"""How often compressed things may lie in one another: a gzip chunk in a stored batch is 2."""
ZSTD = b"\x28\xb5\x2f\xfd"
_MAGICS = {b"\x1f\x8b\x08": 31, b"\x78\x01": 15, b"\x78\x5e": 15, b"\x78\x9c": 15, b"\x78\xda": 15}


class OpaqueError(Exception):
    """A member is compressed in a way that cannot be undone here: nobody may call it clean."""


@dataclass(frozen=True, slots=True)
class Needle:
    """One *text* to look for: *folded* in any case, *exact* as it is. Form by bytes."""

    text: str
    folded: dict[bytes, str]
    exact: dict[bytes, str]


@dataclass(frozen=True, slots=True)
class Found:
    """*text* stands in *where*, written in *form*."""

    text: str
    where: str
    form: str


def needle(text: str) -> Needle:
    """Return *text* in all forms in which it may be written."""
    raw = text.encode()
    escaped = "".join(f"\\u{ord(unit):04x}" for unit in _units(text))
    folded = {
        raw: "plain",
        text.upper().encode(): "plain",  # bytes fold ASCII only
        text.lower().encode(): "plain",
        text.encode("utf-16-le"): "UTF-16",
        text.encode("utf-16-be"): "UTF-16",
        raw.hex().encode(): "hexadecimal",
        json.dumps(text)[1:-1].encode(): "JSON",
        json.dumps(text, ensure_ascii=False)[1:-1].encode(): "JSON",
        escaped.encode(): "JSON",
        html.escape(text).encode(): "HTML",
        quote(text, safe="").encode(): "URL",
        quote_plus(text).encode(): "URL",
        "".join(f"%{byte:02x}" for byte in raw).encode(): "URL",
    }
    exact: dict[bytes, str] = {}
    for encoded in (raw, text.encode("utf-16-le")):
        for part in _base64(encoded):
            exact[part] = exact[part.translate(_URL_SAFE)] = "base64"
    lower = {form.lower(): name for form, name in reversed(folded.items())}
    return Needle(text, lower, exact)


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


def search(where: str, data: bytes, needles: Iterable[Needle]) -> list[Found]:
    """Return each of *needles* that stands in *data*, or in what is compressed in it, once a place."""
    needles = list(needles)
    found: list[Found] = []
    for place, plain in [(where, data), *members(where, data)]:
        lower = plain.lower()
        for one in needles:
            form = next((name for text, name in one.folded.items() if text in lower), None)
            form = form or next((name for text, name in one.exact.items() if text in plain), None)
            if form:
                found.append(Found(one.text, place, form))
    return found


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
    Return all that lies in the data folder *path*: each file's bytes, and each value of a database.

    A database is read twice: raw, for what was deleted and what is in its log only, and by value,
    for a value may lie in pieces over its pages.
    """
    for file in sorted(path.rglob("*")):
        if not file.is_file():
            continue
        name = file.relative_to(path).as_posix()
        data = file.read_bytes()
        yield name, data
        yield name, name.encode()
        if data.startswith(b"SQLite format 3\0"):
            yield from _values(file, name)


def _values(file: Path, name: str) -> Iterator[tuple[str, bytes]]:
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            cursor = db.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for number, row in enumerate(cursor, start=1):
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, str | bytes):
                        place = f"{name}: {table}.{column}, row {number}"
                        yield place, value.encode() if isinstance(value, str) else value
    finally:
        db.close()
