"""
What was typed and chosen, from the recording and the events of one page.

The recording says when a field changed and, if it may, to what; events say which field that is. Of
a masked value the length is known, of a password or a card number only that something was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from replay.shape import INCREMENTAL, INPUT

MASK = "•"

_TOGETHER_MS = 6_000
"""Changes of one field that lie further apart are typed in two steps."""

_SOON_MS = 150
"""From a press into a field to the first letter."""

# Validity flags of the browser: the visitor's own value was of the wrong form.
_WRONG = frozenset(
    {"badInput", "patternMismatch", "rangeOverflow", "rangeUnderflow", "stepMismatch", "tooLong",
     "tooShort", "typeMismatch"}
)  # fmt: skip
# What the recording tells of these is a state, and a press makes it.
_PRESSED = frozenset({"checkbox", "radio", "button", "submit", "reset", "image", "hidden"})


@dataclass(slots=True)
class Typed:
    """
    A field that was filled in. *lengths* are the turning points of its length.

    *text* is the value at the end if it may be known. *refused*: the page refused the field though
    its form was right; *wrong*: the browser refused it for its form.
    """

    at_ms: float
    until_ms: float
    target: Mapping[str, Any]
    kind: str
    lengths: list[int] = field(default_factory=list)
    text: str | None = None
    refused: bool = False
    wrong: bool = False
    event: str = ""


def typed_in(
    recorded: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> list[Typed]:
    """Return what was typed on a page, of its rrweb events and its *events*, in order of time."""
    fields = _fields(events)
    done = [float(event["ts"]) for event in events if event["type"] in ("click", "form")]
    found: list[Typed] = []
    for at, node, text in _changes(recorded):
        target = fields.get(node)
        if target is None or _kind(target) in _PRESSED:
            continue
        last = found[-1] if found and found[-1].target.get("node") == node else None
        if (
            last is None
            or at - last.until_ms > _TOGETHER_MS
            or any(last.until_ms < moment <= at for moment in done)
        ):
            last = Typed(at, at, target, _kind(target))
            found.append(last)
        _take(last, at, text)
    found += _sensitive(events)
    for one in found:
        _judge(one, events)
    return sorted(found, key=lambda one: one.at_ms)


def _fields(events: Iterable[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Return the targets that are fields, by their node."""
    targets = [event.get("target") for event in events]
    return {
        one["node"]: one
        for one in targets
        if isinstance(one, dict) and isinstance(one.get("node"), int) and _is_field(one)
    }


def _is_field(target: Mapping[str, Any]) -> bool:
    return target.get("tag") in ("input", "select", "textarea") or bool(target.get("editable"))


def _kind(target: Mapping[str, Any]) -> str:
    tag = str(target.get("tag"))
    return str(target.get("input_type") or "text") if tag == "input" else tag


def _changes(recorded: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, int, str]]:
    for event in recorded:
        if event.get("type") == INCREMENTAL and event["data"].get("source") == INPUT:
            data = event["data"]
            if isinstance(data.get("text"), str) and isinstance(data.get("id"), int):
                yield float(event["timestamp"]), data["id"], data["text"]


def _take(one: Typed, at: float, text: str) -> None:
    one.until_ms = max(one.until_ms, at)
    length = len(text)
    lengths = one.lengths
    before = lengths[-2] if len(lengths) >= 2 else 0
    if lengths and (lengths[-1] - before) * (length - lengths[-1]) >= 0:
        lengths[-1] = length
    else:
        lengths.append(length)
    one.text = text if re.sub(r"[\s\W_]", "", text) and MASK not in text else None
    if not text:
        one.text = ""


def _sensitive(events: Sequence[Mapping[str, Any]]) -> Iterator[Typed]:
    """
    Give the passwords, cards and codes, of which nothing is told but that they were left.

    They are typed where the visitor pressed the field, else just before it was left.
    """
    since: dict[str, float] = {}
    for event in events:
        if event["type"] != "field" or not event.get("sensitive"):
            continue
        if event.get("cause") not in ("blur", "submit"):
            continue
        key, at = str(event["target"].get("key")), float(event["ts"])
        presses = [
            float(one["ts"])
            for one in events
            if one["type"] == "click"
            and one["target"].get("key") == key
            and since.get(key, 0.0) < float(one["ts"]) < at
        ]
        if presses or key not in since:
            begun = presses[-1] + _SOON_MS if presses else at - _SOON_MS
            yield Typed(min(begun, at), min(begun, at), event["target"], _kind(event["target"]))
        since[key] = at


def _judge(one: Typed, events: Iterable[Mapping[str, Any]]) -> None:
    """Note what the page and the browser thought of the field after it was filled in."""
    for event in events:
        if event["type"] != "field" or event["target"].get("key") != one.target.get("key"):
            continue
        if float(event["ts"]) >= one.at_ms and event.get("invalid"):
            flags = set(event.get("invalid_flags") or ())
            one.wrong |= bool(flags & _WRONG)
            one.refused |= not flags & _WRONG
            one.event = one.event or f"{event['page_load']}:{event['i']}"
            return
