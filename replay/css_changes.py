"""
What scripts did to the rules of one style sheet, folded: however often a page turned, only what is
left of it is told.

Owns rrweb's sources 8 and 13 (rules and declarations). Knows nothing of the sheet's own text: its
rules are known by their places alone, so that a text that is kept elsewhere need not be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_INNER = 200
"""Changes within one rule before those that a later one takes back are left out."""

Data = dict[str, Any]


@dataclass(slots=True)
class _Run:
    """Rules of the sheet's own text, from *start* on; *end* None: to the last, whichever that is."""

    start: int
    end: int | None

    @property
    def length(self) -> int | None:
        return None if self.end is None else self.end - self.start


@dataclass(slots=True)
class _Rule:
    """A rule that a script put in, or (*base*) one of the sheet's text that changed within."""

    text: Any = None
    base: int | None = None
    inner: list[Data] = field(default_factory=list)


class CssChanges:
    """The rules of a sheet as runs of its own and lists of others."""

    def __init__(self) -> None:
        self._parts: list[_Run | list[_Rule]] = [_Run(0, None)]

    def __bool__(self) -> bool:
        """Say whether anything is different from the sheet's text."""
        return len(self._parts) > 1 or self._first_run().start > 0

    def rules(self, data: Data) -> None:
        """Apply the `adds`, then the `removes` of a change of rules, as the player does."""
        for one in data.get("adds") or ():
            index = one.get("index", 0)
            if isinstance(index, list):
                self._inside(index, {"adds": [one]})
            elif _is_index(index):
                self._insert(index, one.get("rule"))
        for one in data.get("removes") or ():
            index = one.get("index", 0)
            if isinstance(index, list):
                self._inside(index, {"removes": [one]})
            elif _is_index(index):
                self._delete(index)

    def declaration(self, data: Data) -> None:
        """Apply a change of one property of one rule."""
        index = data.get("index")
        change = {
            name: data[name] for name in ("set", "remove") if isinstance(data.get(name), dict)
        }
        if isinstance(index, list) and len(index) > 0 and change:
            self._inside(index, change, least=1)

    def told(self) -> Iterator[Data]:
        """Give the data of events, without the sheet's id, that make the text's rules these."""
        removes: list[Data] = []
        adds: list[Data] = []
        inner: list[tuple[int, Data]] = []
        at = text_at = 0  # the place here, and in the sheet's text
        for part in self._parts:
            if isinstance(part, _Run):
                removes.extend({"index": gone} for gone in range(text_at, part.start))
                if part.end is None:
                    break
                at, text_at = at + part.end - part.start, part.end
                continue
            for rule in part:
                if rule.base is None:
                    adds.append({"rule": rule.text, "index": at})
                else:
                    removes.extend({"index": gone} for gone in range(text_at, rule.base))
                    text_at = rule.base + 1
                inner.extend((at, change) for change in rule.inner)
                at += 1
        if removes:
            yield {"source": 8, "removes": removes[::-1]}  # from the last on: no index moves
        if adds:
            yield {"source": 8, "adds": adds}
        for place, change in inner:
            yield _moved(change, place)

    def _first_run(self) -> _Run:
        first = self._parts[0]
        return first if isinstance(first, _Run) else _Run(1, None)

    def _insert(self, index: int, text: Any) -> None:
        rules, at = self._gap(index)
        rules.insert(at, _Rule(text))

    def _delete(self, index: int) -> None:
        found = self._find(index)
        if found is None:
            return
        nth, at = found
        part = self._parts[nth]
        if isinstance(part, list):
            del part[at]
            if not part:
                del self._parts[nth]
                self._join(nth)
            return
        self._split(nth, at, at + 1, [])

    def _join(self, nth: int) -> None:
        """Make one run of the parts around *nth*, if they are what was one before."""
        if nth == 0:
            return
        left, right = self._parts[nth - 1], self._parts[nth]
        if isinstance(left, _Run) and isinstance(right, _Run) and left.end == right.start:
            self._parts[nth - 1 : nth + 1] = [_Run(left.start, right.end)]

    def _gap(self, index: int) -> tuple[list[_Rule], int]:
        """Return the list, and the place in it, at which a rule with *index* is to be put in."""
        before = 0
        for nth, part in enumerate(self._parts):
            length = len(part) if isinstance(part, list) else part.length
            if length is None or index <= before + length:
                at = index - before
                if isinstance(part, list):
                    return part, at
                following = self._parts[nth + 1] if nth + 1 < len(self._parts) else None
                if at == length and isinstance(following, list):
                    return following, 0
                made: list[_Rule] = []
                self._split(nth, at, at, made)
                return made, 0
            before += length
        raise AssertionError("the last part has no end")

    def _find(self, index: int) -> tuple[int, int] | None:
        """Return the part that holds the rule *index*, and its place there."""
        before = 0
        for nth, part in enumerate(self._parts):
            length = len(part) if isinstance(part, list) else part.length
            if length is None or index < before + length:
                return nth, index - before
            before += length
        return None

    def _split(self, nth: int, start: int, end: int, between: list[_Rule]) -> None:
        """Put *between* in the place of the rules *start* to *end* of the run *nth*."""
        run = self._parts[nth]
        assert isinstance(run, _Run)
        parts: list[_Run | list[_Rule]] = []
        if start:
            parts.append(_Run(run.start, run.start + start))
        if between or start == end:
            parts.append(between)
        if run.end is None or run.start + end < run.end:
            parts.append(_Run(run.start + end, run.end))
        self._parts[nth : nth + 1] = parts

    def _inside(self, index: list[Any], change: Data, least: int = 2) -> None:
        """Note a *change* within the rule that *index* leads into."""
        if len(index) < least or not all(_is_index(one) for one in index):
            return
        found = self._find(index[0])
        if found is None:
            return
        nth, at = found
        part = self._parts[nth]
        if isinstance(part, list):
            rule = part[at]
        else:
            rule = _Rule(base=part.start + at)
            self._split(nth, at, at + 1, [rule])
        rule.inner.append(_tail(change, index[1:]))
        if len(rule.inner) > MOST_INNER:
            rule.inner = _compact(rule.inner)


def _tail(change: Data, tail: list[int]) -> Data:
    """Return *change* with the way to it within its rule."""
    return {**change, "index": tail}


def _moved(change: Data, place: int) -> Data:
    """Return the data of the event that makes *change* in the rule at *place*."""
    path = [place, *change["index"]]
    if "set" in change or "remove" in change:
        return {"source": 13, **change, "index": path}
    name = "adds" if "adds" in change else "removes"
    return {"source": 8, name: [{**one, "index": path} for one in change[name]]}


def _compact(changes: list[Data]) -> list[Data]:
    """Leave out declarations that a later one of *changes* sets anew."""
    kept: list[Data] = []
    seen: set[str] = set()
    for change in reversed(changes):
        if "set" not in change and "remove" not in change:
            seen.clear()  # rules came or went: the same way led elsewhere before
            kept.append(change)
            continue
        names = [change[way].get("property") for way in ("set", "remove") if way in change]
        key = f"{change['index']} {names}"
        if key not in seen:
            seen.add(key)
            kept.append(change)
    return kept[::-1]


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
