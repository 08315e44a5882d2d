"""
What of a recorded session could be steps of a process: its pages, presses and events, in order.

Pure. Paths are generalised: what looks like a number or an id of one visit stands for any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.process_form import FormStep
from console.selectors import suggest

MOST = 200
"""Things of one session that are offered; who needs more looks for another session."""

_ID = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|(?=[\w-]*\d)(?=[\w-]*[a-zA-Z])[\w-]{10,}|[a-z]{1,4}[-_]?\d{3,}",
    re.IGNORECASE,
)
"""A part of a path that is of one visit or thing: digits, a UUID, a hash, a long mix of letters and digits, `ord-1042`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that came at *at_ms* after the session's start: the *step* it would be, what was *seen*, how often."""

    at_ms: float
    step: FormStep
    seen: str
    times: int = 1


_LANGUAGE = re.compile(
    "(de|en|fr|es|it|nl|pl|pt|da|sv|fi|cs|sk|hu|ro|bg|el|tr|ru|uk|ja|zh|ko|ar)([-_][a-z]{2})?",
    re.IGNORECASE,
)
"""The first part of the paths of a site in several languages: a process is the same in all."""


def general(path: str) -> str:
    """Return *path* with `*` for parts that look like ids, and for the language that it begins with."""
    parts = ["*" if _ID.fullmatch(part) else part for part in path.split("/")]
    if len(parts) > 2 and _LANGUAGE.fullmatch(parts[1]):
        parts[1] = "*"
    return "/".join(parts)


def offers(events: Sequence[Mapping[str, Any]], start_ms: float, language: str) -> list[Offer]:
    """Return what of *events*, in order, can be steps, called in *language*: each once, where it first came."""
    found: dict[tuple[str, str], Offer] = {}
    for event in events:
        found_now = _offer(event)
        if found_now is None:
            continue
        step, seen = found_now
        made = Offer(max(0.0, event["ts"] - start_ms), _called(step, language), seen)
        key = (made.step.kind, made.step.what)
        known = found.get(key)
        if known is not None:
            found[key] = Offer(known.at_ms, known.step, known.seen, known.times + 1)
        elif len(found) < MOST:
            found[key] = made
    return list(found.values())


def _offer(event: Mapping[str, Any]) -> tuple[FormStep, str] | None:
    """Return the step that *event* can be, called as it is in English, and what was seen of it."""
    if event["type"] == "page" and event.get("path"):
        path = str(event["path"])
        what = general(path)
        return FormStep("page", what, en=_name(what)), path
    if event["type"] == "custom" and event.get("name"):
        name = str(event["name"])
        return FormStep("custom", name, en=_words(name)), name
    target = event.get("target")
    if event["type"] != "click" or not isinstance(target, dict) or not target.get("interactive"):
        return None
    if target.get("editable"):  # to type something: on the way everywhere, and a step nowhere
        return None
    ways = suggest(target.get("path") or [])
    label = str(target.get("label") or "")
    told = label if any(letter.isalnum() for letter in label) else ""  # a masked one says nothing
    return (
        (FormStep("click", ways[0].selector, en=told[:40]), told or ways[0].selector)
        if ways
        else None
    )


def _called(step: FormStep, language: str) -> FormStep:
    return replace(step, en="", de=step.en) if language == "de" else step


def _name(path: str) -> str:
    """Return what a page may be called: the last part of its path that says something."""
    parts = [part for part in path.split("/") if part and part != "*"]
    return _words(parts[-1].partition(".")[0]) if parts else "Start"


def _words(name: str) -> str:
    """Return `order_placed` as people write it."""
    plain = re.sub(r"[_\-.:]+", " ", name).strip()
    return plain[:1].upper() + plain[1:40]
