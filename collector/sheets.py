"""
Finds the style texts in a recording chunk, as a stranger's browser sent it, within bounds.

Pure. Where styles stand is core/places.py's to know; keeping them is left to assets.py.
"""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from core.model import asset_hash
from core.places import style_places
from core.wire import GZIP

MAX_CHUNK_BYTES = 16 * 1024 * 1024
"""Most bytes a chunk may inflate to here; a larger one keeps its style sheets inline."""

MAX_CHUNK_VALUES = 1_000_000
"""Most JSON values: each costs far more memory than the two bytes that write it."""

SHORTEST, LONGEST = 1_000, 1_000_000
"""Characters of a style text that is kept apart (snippet/src/assets/sheets.ts says the same)."""


def wanted_sheets(chunk: bytes, encoding: int, wanted: set[str]) -> dict[str, bytes]:
    """
    Return the style texts in *chunk* whose hashes are *wanted*, by hash, as UTF-8.

    The hashes are made here: what a head says of a chunk's texts is a hint where to look. A chunk
    that cannot be read within bounds has none.
    """
    found: dict[str, bytes] = {}
    places = (place for event in _events(chunk, encoding) for place in style_places(event))
    for holder, key in places:
        text = holder.get(key)
        if not isinstance(text, str) or not SHORTEST <= len(text) <= LONGEST:
            continue
        content = text.encode("utf-8", "replace")
        name = asset_hash(content)
        if name in wanted:
            found[name] = content
            if len(found) == len(wanted):
                break
    return found


def _events(chunk: bytes, encoding: int) -> list[dict[str, Any]]:
    if encoding == GZIP:
        inflater = zlib.decompressobj(wbits=31)
        try:
            chunk = inflater.decompress(chunk, MAX_CHUNK_BYTES + 1)
        except zlib.error:
            return []
    if len(chunk) > MAX_CHUNK_BYTES or chunk.count(b",") > MAX_CHUNK_VALUES:
        return []
    try:
        events = orjson.loads(chunk)
    except orjson.JSONDecodeError:  # also what is too deep: its sheets stay inline
        return []
    return [e for e in events if isinstance(e, dict)] if isinstance(events, list) else []
