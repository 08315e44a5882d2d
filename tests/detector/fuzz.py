"""
Random rule files, and shipped files broken at random: what the fuzz tests are made of.

Files are seeded; texts in them are as hostile as YAML allows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from core.events import EventSchema, FieldType, load_schema

SCHEMA: EventSchema = load_schema()

HOSTILE = (
    "__import__('os').system('x')", '"); import os #', "K1", "v0", "\n    raise", "a'b\"c", "{x}",
    "%s", "ä\u2028ö", "f", "state", "ts", "None", "\\", "\x1b[2J", "*", "?*?", "a" * 300, "lambda: 0",
    "__class__.__mro__", "\U0001f600", "0", "true", "len", "}}", "$", " ",
)  # fmt: skip
"""Texts that would show if any of them ever became source."""

_SPANS = ("250ms", "1s", "2s", "90s", "5m", "30m", "2h")


_LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x250)]


class Files:
    """Makes rule files from *random*. All are right unless chance makes a value collide."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._events = sorted(SCHEMA.events)

    def file(self) -> str:
        """Return a file of one to three rules, as JSON, which is YAML."""
        rules = [
            self._rule(f"r{n}_{self._pick(('import_os', 'len', 'K1'))}")
            for n in range(self._int(1, 3))
        ]
        file = {
            "version": 1,
            "lists": {"texts": [self.text() for _ in range(3)]},
            "macros": {"some": {"event": "click", "where": self._where("click", 1)}},
            "processes": {
                "way": {
                    "steps": {n: self._matcher(self._pick(self._events)) for n in ("a", "b", "c")}
                }
            },
            "mappings": [self._mapping()],
            "rules": rules,
        }
        return json.dumps(file, ensure_ascii=False)

    def text(self) -> str:
        """Return a hostile or random text."""
        if self._random.random() < 0.6:
            found = self._pick(HOSTILE)
        else:
            found = "".join(chr(self._pick(_LETTERS)) for _ in range(self._int(1, 12)))
        return f"_{found}" if found.startswith("$") else found

    def _pick(self, items: Any) -> Any:
        return items[self._int(0, len(items) - 1)]

    def _int(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def _maybe(
        self, chance: float, make: Callable[[], Any], key: str, into: dict[str, Any]
    ) -> None:
        if self._random.random() < chance:
            into[key] = make()

    def _rule(self, id_: str) -> dict[str, Any]:
        event = self._pick(self._events)
        rule: dict[str, Any] = {"id": id_, "title": self.text()}
        kind = self._random.random()
        if kind < 0.5:
            rule["match"] = self._match(event)
        elif kind < 0.9:
            rule["sequence"] = self._sequence(event)
        else:
            rule["process"] = {"use": "way", "reached": "a", "not": "c", "or_end": True}
        first = "a process" if "process" in rule else event
        self._maybe(0.3, lambda: self._pick(_SPANS), "within", rule)
        self._maybe(0.3, lambda: self._matcher(self._pick(self._events)), "until", rule)
        self._maybe(0.3, lambda: self._pick(("once", "burst", "every")), "flag", rule)
        self._maybe(0.2, lambda: "visible", "clock", rule)
        self._maybe(0.3, lambda: {"path": [self.text()], "process": "way"}, "except", rule)
        self._maybe(0.2, lambda: {"language": self.text(), "bot": False}, "scope", rule)
        if first == event:
            self._maybe(0.4, lambda: "path", "group", rule)
            self._maybe(0.4, self._captures, "capture", rule)
            if "match" in rule:
                self._maybe(0.3, lambda: [self._threshold(event)], "thresholds", rule)
        return rule

    def _threshold(self, event: str) -> dict[str, Any]:
        return {"when": self._where(event, 1), "set": {"times": self._int(1, 9), "severity": "low"}}

    def _captures(self) -> dict[str, str]:
        forms = ("path", "last(page).path", "first(error).message", "count($some)", "count(click)")
        return {self.text(): self._pick(forms) for _ in range(self._int(1, 3))}

    def _match(self, event: str) -> dict[str, Any]:
        match = self._matcher(event)
        self._maybe(0.7, lambda: self._int(1, 6), "times", match)
        self._maybe(0.5, lambda: self._pick(_SPANS), "within", match)
        self._maybe(0.3, lambda: "target" if event == "click" else "path", "same", match)
        if "same" in match and event == "click":
            self._maybe(0.4, lambda: "30px", "near", match)
        self._maybe(0.2, lambda: "view", "distinct", match)
        self._maybe(0.2, lambda: {"where": self._where(event, 1), "lte": 0.5}, "share", match)
        return match

    def _sequence(self, event: str) -> list[dict[str, Any]]:
        steps = [{**self._matcher(event), "as": "first"}]
        for number in range(self._int(1, 3)):
            if self._random.random() < 0.3:
                steps.append({"absent": self._matcher(self._pick(self._events)), "within": "3s"})
            step = self._matcher(self._pick(self._events))
            self._maybe(0.5, lambda: self._pick(_SPANS), "within", step)
            self._maybe(0.3, lambda: self._int(2, 4), "times", step)
            if number == 0 and self._random.random() < 0.5:
                step.setdefault("where", {})["path"] = {"same_as": "first.path"}
            steps.append(step)
        if self._random.random() < 0.5:
            absent = self._matcher(self._pick(self._events))
            steps.append({"absent": absent, "within": "10m", "or_end": True})
        return steps

    def _matcher(self, event: str) -> dict[str, Any]:
        return {"event": event, "where": self._where(event, self._int(0, 3))}

    def _where(self, event: str, count: int) -> dict[str, Any]:
        type_ = SCHEMA.events[event]
        where: dict[str, Any] = {}
        for _ in range(count):
            name = self._pick(type_.field_names())
            kind = type_.field(name)
            if kind.kind == "map":
                where[f"{name}.{self._pick(HOSTILE).replace('.', '')}"] = self.text()
            elif kind.kind == "target" and self._random.random() < 0.5:
                where[f"{name}.label"] = self._test(FieldType("str"))
            else:
                where[name] = self._test(kind)
        if self._random.random() < 0.2:
            where["any"] = [{"path": self.text()}, {"tab": {"starts": self.text()}}]
        if self._random.random() < 0.2:
            where["not"] = {"page_load": self.text()}
        return where

    def _test(self, type_: FieldType) -> Any:
        if self._random.random() < 0.2:
            return {"exists": self._random.random() < 0.5}
        if type_.kind == "target":
            return self._pick(("#a .b", "[data-testid=x]", ["button", "a > b"]))
        if type_.kind == "bool":
            return {"not": True} if self._random.random() < 0.5 else False
        if type_.kind == "enum":
            return (
                {"any_of": list(type_.values[:2])}
                if self._random.random() < 0.5
                else type_.values[0]
            )
        if type_.kind == "list":
            item = type_.item or FieldType("str")
            return {"any_of": [self.text()]} if item.kind == "str" else {"exists": True}
        if type_.numeric:
            low = self._int(-5, 5000)
            return self._pick((low, {"gt": low}, {"lte": low}, {"between": [low, low + 9]}))
        return self._textual()

    def _textual(self) -> Any:
        forms = ("glob", "starts", "ends", "contains", "any_of", "none_of", "not", "is", "list")
        form = self._pick(forms)
        if form == "is":
            return self.text()
        if form == "list":
            return "$texts"
        several = [self.text() for _ in range(self._int(1, 3))]
        return {form: several}

    def _mapping(self) -> dict[str, Any]:
        event = self._pick(self._events)
        props = {self.text(): self.text(), "copied": {"from": "path"}}
        return {"from": self._matcher(event), "to": {"name": self.text(), "props": props}}


def broken(text: str, random: Random) -> str:
    """Return *text* with a few of the changes that hands, editors and attackers make."""
    lines = text.split("\n")
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(lines))
        line = lines[at]
        place = random.randint(0, len(line))
        lines[at] = random.choice(_CHANGES)(line, place, random)
        if random.random() < 0.1:
            lines.insert(random.randrange(len(lines)), random.choice(lines))
        if random.random() < 0.1 and len(lines) > 1:
            del lines[random.randrange(len(lines))]
    return "\n".join(lines)


_ODD = (
    ":",
    "-",
    "#",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&",
    "*",
    "!",
    "|",
    ">",
    "'",
    '"',
    "%",
    "@",
    "`",
    "$",
    "?",
    "\t",
    "\\",
    "=",
    "~",
    "<<:",
    "\x00",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ud800",
)
_CHANGES: tuple[Callable[[str, int, Random], str], ...] = (
    lambda line, at, r: line[:at] + r.choice(_ODD) + line[at:],
    lambda line, at, r: line[:at] + line[at + 1 :],
    lambda line, at, r: " " * r.randint(0, 8) + line.lstrip(),
    lambda line, at, r: "\t" + line,
    lambda line, at, r: line.replace(": ", ":", 1),
    lambda line, at, r: line[:at] + r.choice(HOSTILE) + line[at:],
    lambda line, at, r: line[:at],
    lambda line, at, r: (
        line[:at] + r.choice(("null", "1:30", "01", "yes", "1e999", "-")) + line[at:]
    ),
)
