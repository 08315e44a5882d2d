"""
Owns JSON of any depth: a page's elements nest as deep as its author likes, orjson goes 1 024
levels down when reading and 254 when writing. One element is two levels.

Both ways try orjson first; only what is too deep for it goes the slow way, without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

MAX_LEVELS = 8_000
"""Deepest JSON that is read: four times what the shape check lets an element nest."""

MAX_DEEP_VALUES = 1_000_000
"""Most values of JSON that goes the slow way (three seconds of work)."""

_LOW = 200  # levels that orjson is given to write; it can write 254
_TOO_DEEP = re.compile("depth|recursion", re.IGNORECASE)  # how orjson's errors name it
_TOKEN = re.compile(
    r'[ \t\r\n]*+(?:(?P<mark>[\[\]{}:,])|(?P<scalar>"(?:[^"\\]|\\.)*+"|[^\s\[\]{}:,"]++))'
)
_VALUE, _FIRST, _KEY, _FIRST_KEY, _COLON, _AFTER = range(6)  # what may come next


def values_in(raw: bytes) -> int:
    """Return a number that the values in the JSON *raw* cannot exceed; strings make it larger."""
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{") + 1


def loads(raw: bytes) -> Any:
    """Return the JSON value *raw*. Raise ValueError if it is none, or deeper than MAX_LEVELS."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not _TOO_DEEP.search(str(error)):
            raise
    if values_in(raw) > MAX_DEEP_VALUES:
        raise ValueError("it is deep and large at once")
    return _Reader().read(raw.decode())


def dumps(value: Any) -> bytes:
    """Return *value* as JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        if not _TOO_DEEP.search(str(error)):
            raise
    return b"".join(_written(value))


def _written(root: Any) -> Iterator[bytes]:
    """
    Give the JSON of *root* in pieces: brackets of what is high, orjson's text of the rest.

    orjson.Fragment would be shorter, but its 3.13 writes past its buffer's end.
    """
    high = _high(root)
    open_: list[tuple[Iterator[tuple[bytes, Any]], bytes]] = [(iter([(b"", root)]), b"")]
    while open_:
        items, closing = open_[-1]
        for before, value in items:
            yield before
            if id(value) in high:
                yield b"{" if isinstance(value, dict) else b"["
                open_.append((_items(value), b"}" if isinstance(value, dict) else b"]"))
                break
            yield orjson.dumps(value)
        else:
            open_.pop()
            yield closing


def _items(container: Any) -> Iterator[tuple[bytes, Any]]:
    """Give the values of *container* with what is written before each."""
    comma = b""
    if isinstance(container, list):
        for value in container:
            yield comma, value
            comma = b","
    else:
        for key, value in container.items():
            yield comma + orjson.dumps(key) + b":", value
            comma = b","


def _high(root: Any) -> set[int]:
    """Return the ids of the containers in *root* that have more than _LOW levels."""
    found: list[tuple[Any, int]] = [(root, -1)]  # each with the place of what holds it
    for place, (container, _) in enumerate(found):  # grows while it is walked
        inner = container.values() if isinstance(container, dict) else container
        found.extend((one, place) for one in inner if isinstance(one, dict | list))
    levels = [1] * len(found)
    for place in range(len(found) - 1, 0, -1):
        holder = found[place][1]
        levels[holder] = max(levels[holder], levels[place] + 1)
    return {id(one) for (one, _), high in zip(found, levels, strict=True) if high > _LOW}


class _Reader:
    """Reads one JSON text token by token, with a list for a stack."""

    def __init__(self) -> None:
        self._open: list[Any] = []
        self._key = ""
        self._root: Any = None
        self._next = _VALUE

    def read(self, text: str) -> Any:
        at, end = 0, len(text.rstrip())
        while at < end:
            token = _TOKEN.match(text, at)
            if token is None or (self._next == _AFTER and not self._open):
                raise ValueError(f"unexpected text at character {at}")
            at = token.end()
            mark = token["mark"]
            if mark is None:
                self._scalar(token["scalar"])
            elif mark in "[{":
                self._begin([] if mark == "[" else {})
            elif mark in "]}":
                self._end(mark)
            else:
                self._separate(mark)
        if self._open or self._next != _AFTER:
            raise ValueError("it is cut off")
        return self._root

    def _scalar(self, text: str) -> None:
        if self._next in (_KEY, _FIRST_KEY):
            if not text.startswith('"'):
                raise ValueError("a key is no string")
            self._key = orjson.loads(text)
            self._next = _COLON
            return
        self._put(orjson.loads(text))
        self._next = _AFTER

    def _begin(self, container: Any) -> None:
        self._put(container)
        if len(self._open) == MAX_LEVELS:
            raise ValueError(f"it is nested deeper than {MAX_LEVELS} levels")
        self._open.append(container)
        self._next = _FIRST if isinstance(container, list) else _FIRST_KEY

    def _put(self, value: Any) -> None:
        if self._next not in (_VALUE, _FIRST):
            raise ValueError("a value stands where none can")
        if not self._open:
            self._root = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        else:
            self._open[-1][self._key] = value

    def _end(self, mark: str) -> None:
        kind: type = list if mark == "]" else dict
        first = _FIRST if kind is list else _FIRST_KEY
        if not self._open or type(self._open[-1]) is not kind or self._next not in (first, _AFTER):
            raise ValueError(f"'{mark}' stands where it cannot")
        self._open.pop()
        self._next = _AFTER

    def _separate(self, mark: str) -> None:
        if mark == ":" and self._next == _COLON:
            self._next = _VALUE
        elif mark == "," and self._next == _AFTER and self._open:
            self._next = _VALUE if isinstance(self._open[-1], list) else _KEY
        else:
            raise ValueError(f"'{mark}' stands where it cannot")
