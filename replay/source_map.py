"""
Reads source maps (version 3, ECMA-426): from a place in a built script to one in the site's own code.

Pure. Owns the format; which map belongs to which script is console/source_places.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import UserError

AROUND = 3
"""Lines shown above and below the place."""

MOST_LINE = 300
"""Characters of a line that are shown: a generated source may be one line of megabytes."""

Place = tuple[int, int]
"""A line and a column of the built script."""

Segment = tuple[int, int, int, int | None]
"""Source, line, column and name of a place in a site's own code, all from 0."""

_DIGITS = {
    char: value
    for value, char in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """A place in a site's own code. *line* and *column* count from 1; *code* are the lines around it."""

    file: str
    line: int
    column: int
    name: str
    code: tuple[tuple[int, str], ...]


class SourceMap:
    """One map. Raise UserError if *content* is none."""

    def __init__(self, content: bytes) -> None:
        text = content.removeprefix(b"\xef\xbb\xbf")
        if text.startswith(b")]}"):  # some servers guard JSON by a first line that is none
            text = text.partition(b"\n")[2]
        try:
            told = orjson.loads(text)
        except orjson.JSONDecodeError:
            told = None
        self._parts = _parts_of(told)

    def find(self, line: int, column: int) -> SourcePlace | None:
        """Return where *line* and *column* (from 1) of the built script came from; None if nobody knows."""
        return self.find_all([(line, column)])[line, column]

    def find_all(self, places: Iterable[Place]) -> dict[Place, SourcePlace | None]:
        """
        Return the same for many *places*, each a line and a column.

        The map is gone through once: strangers choose how many places there are.
        """
        found: dict[Place, SourcePlace | None] = dict.fromkeys(places)
        wanted: dict[
            int, dict[Place, Place]
        ] = {}  # by number of the part: place in it, and in the script
        for line, column in found:
            fitting = [
                (part.line, part.column, number)
                for number, part in enumerate(self._parts)
                if (part.line, part.column) <= (line - 1, column - 1)
            ]
            if not fitting:
                continue
            begin, indent, number = max(fitting)
            on_first = line - 1 == begin
            here = (line - 1 - begin, column - 1 - (indent if on_first else 0))
            wanted.setdefault(number, {})[here] = (line, column)
        for number, inside in wanted.items():
            for here, place in self._parts[number].find_all(inside):
                found[inside[here]] = place
        return found


@dataclass(frozen=True, slots=True)
class _Part:
    """A map without sections, and where in the script it begins (from 0)."""

    line: int
    column: int
    mappings: str
    sources: tuple[str, ...]
    contents: tuple[str | None, ...]
    names: tuple[str, ...]

    def find_all(self, places: Iterable[Place]) -> Iterator[tuple[Place, SourcePlace]]:
        """Give those of *places* (from 0) that are mapped, with where they came from."""
        lines: dict[int, list[str]] = {}
        for place, (source, at_line, at_column, name) in _segments(self.mappings, places):
            if not (0 <= source < len(self.sources) and at_line >= 0):
                continue
            if source not in lines:
                content = self.contents[source] if source < len(self.contents) else None
                lines[source] = content.split("\n") if content is not None else []
            known = name is not None and 0 <= name < len(self.names)
            yield (
                place,
                SourcePlace(
                    self.sources[source],
                    at_line + 1,
                    at_column + 1,
                    self.names[name] if known and name is not None else "",
                    _around(lines[source], at_line),
                ),
            )


def _parts_of(told: Any) -> tuple[_Part, ...]:
    """Return the parts of a map, or of each of its sections."""
    if not isinstance(told, dict) or told.get("version") != 3:
        raise UserError("that is no source map of version 3")
    sections = told.get("sections")
    if isinstance(sections, list):
        return tuple(part for one in sections for part in _section(one))
    mappings, sources = told.get("mappings"), told.get("sources")
    if not isinstance(mappings, str) or not isinstance(sources, list):
        raise UserError("that is no source map: it has no mappings or no sources")
    root = told.get("sourceRoot") if isinstance(told.get("sourceRoot"), str) else ""
    contents = told.get("sourcesContent")
    names = told.get("names")
    return (
        _Part(
            0,
            0,
            mappings,
            tuple(_joined(root or "", one) for one in sources),
            tuple(one if isinstance(one, str) else None for one in contents)
            if isinstance(contents, list)
            else (),
            tuple(str(one) for one in names) if isinstance(names, list) else (),
        ),
    )


def _section(told: Any) -> list[_Part]:
    offset = told.get("offset") if isinstance(told, dict) else None
    if not isinstance(offset, dict):
        raise UserError("that is no source map: a section has no offset")
    line, column = offset.get("line"), offset.get("column")
    if not isinstance(line, int) or not isinstance(column, int):
        raise UserError("that is no source map: a section's offset is no place")
    if isinstance(told.get("map"), dict) and "sections" in told["map"]:  # ECMA-426 forbids it
        raise UserError("that is no source map: a section has sections")
    return [
        _Part(line + one.line, column, one.mappings, one.sources, one.contents, one.names)
        for one in _parts_of(told.get("map"))
    ]


def _joined(root: str, source: object) -> str:
    path = source if isinstance(source, str) else ""
    return f"{root.rstrip('/')}/{path}" if root and "://" not in path else path


def _segments(mappings: str, places: Iterable[Place]) -> Iterator[tuple[Place, Segment]]:
    """
    Give, for each of *places* that is mapped, the last segment of its line at or before its column.

    All but the generated column goes on from segment to segment over lines, so all lines before
    are read, too, once.
    """
    wanted: dict[int, list[int]] = {}
    for line, column in sorted(set(places)):
        wanted.setdefault(line, []).append(column)
    last = max(wanted, default=-1)
    source = at_line = at_column = name = 0
    for number, text in enumerate(mappings.split(";", last + 1)[: last + 1]):
        columns = wanted.get(number, [])
        found: Segment | None = None
        here = nth = 0
        for segment in text.split(","):
            values = _vlq(segment)
            if not values:
                continue
            here += values[0]
            while nth < len(columns) and here > columns[nth]:
                if found is not None:
                    yield (number, columns[nth]), found
                nth += 1
            mapped = len(values) >= 4
            if mapped:
                source += values[1]
                at_line += values[2]
                at_column += values[3]
            if len(values) >= 5:
                name += values[4]
            named = name if len(values) >= 5 else None
            found = (source, at_line, at_column, named) if mapped else None
        if found is not None:
            yield from (((number, column), found) for column in columns[nth:])


def _vlq(segment: str) -> list[int]:
    """Return the numbers of a segment: base 64, 5 bits a digit, the lowest of a number is its sign."""
    values: list[int] = []
    value = shift = 0
    for char in segment:
        digit = _DIGITS.get(char)
        if digit is None:
            return []
        value |= (digit & 31) << shift
        if digit & 32:
            shift += 5
            continue
        values.append(-(value >> 1) if value & 1 else value >> 1)
        value = shift = 0
    return values


def _around(lines: Sequence[str], line: int) -> tuple[tuple[int, str], ...]:
    """Return the lines around *line* (from 0) with their numbers (from 1)."""
    first = max(0, line - AROUND)
    shown = lines[first : line + AROUND + 1]
    return tuple(
        (first + number + 1, text.rstrip("\r")[:MOST_LINE]) for number, text in enumerate(shown)
    )
