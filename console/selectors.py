"""
Ways to find a picked element again: selectors from the most robust to the most general.

Pure. Offers only what rules' selectors allow (detector/patterns.py), and only what fits the
element; leaves words and counts to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from detector.patterns import BadSelector, parse_selector, selectors

Kind = Literal["test", "id", "inside", "role", "class", "place", "type"]
Path = list[dict[str, Any]]

LONGEST_PATH = 12
"""As many elements as the snippet records of a target's ancestors."""

MOST = 6
"""More choices than this are read by nobody."""

_TEXTS = ("tag", "id", "role", "type", "test", "stolper", "ignore")
_LONGEST_TEXT = 200
_NAME = re.compile(r"[\w-]+\Z")
_CHANGES = re.compile(r"\d{4,}")  # made anew at each load or build
_WIDE = frozenset({"html", "body", "main", "div", "span", "section", "article"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A *selector*, and what it holds on to."""

    selector: str
    kind: Kind


def read_path(given: object) -> Path | None:
    """Return *given*, from a browser, as an element's path; None if it is none."""
    if not isinstance(given, list) or not 0 < len(given) <= LONGEST_PATH:
        return None
    path: Path = []
    for one in given:
        if not isinstance(one, dict):
            return None
        entry: dict[str, Any] = {
            name: one[name]
            for name in _TEXTS
            if isinstance(one.get(name), str) and len(one[name]) <= _LONGEST_TEXT
        }
        classes = one.get("classes")
        if isinstance(classes, list):
            entry["classes"] = [name for name in classes[:20] if isinstance(name, str)]
        path.append(entry)
    return path


def suggest(path: Sequence[Mapping[str, Any]]) -> list[Suggestion]:
    """Return selectors for the element whose *path* (nearest first) is given."""
    found: list[Suggestion] = []
    target = {"path": list(path)}
    for one in _candidates(path) if path else ():
        if any(one.selector == other.selector for other in found):
            continue
        try:
            fits = selectors([one.selector])(target)
        except BadSelector:
            continue
        if fits:
            found.append(one)
    return found[:MOST]


def _candidates(path: Sequence[Mapping[str, Any]]) -> Iterator[Suggestion]:
    own = path[0]
    tag = _tag(own)
    classes = _classes(own)
    if test := _test(own):
        yield Suggestion(test, "test")
    if name := _id(own):
        yield Suggestion(f"#{name}", "id")
    within = _anchor(path[1:])
    look = tag + "".join(f".{name}" for name in classes[:2])
    if within and look != "":
        yield Suggestion(f"{within} {look}", "inside")
    role = own.get("role")
    if role and _NAME.match(role):
        yield Suggestion(f"{within} [role={role}]" if within else f"[role={role}]", "role")
    parent = next((one for one in path[1:4] if _classes(one)), None)
    if parent is not None and not within:
        yield Suggestion(f"{_tag(parent)}.{_classes(parent)[0]} {look}", "place")
    if classes:
        yield Suggestion(look, "class")
        yield Suggestion(f".{classes[0]}", "class")
    kind = own.get("type")
    if kind and _NAME.match(kind):
        yield Suggestion(f"{tag}[type={kind}]", "type")
    if tag not in _WIDE and tag != "":
        yield Suggestion(tag, "type")
    chain = [_tag(one) for one in path[:3] if _tag(one)]
    if chain:
        yield Suggestion(" > ".join(reversed(chain)), "place")


def _tag(element: Mapping[str, Any]) -> str:
    tag = str(element.get("tag") or "")
    return tag if re.match(r"[a-zA-Z][\w-]*\Z", tag) else ""


def _test(element: Mapping[str, Any]) -> str | None:
    value = element.get("test")
    return f'[data-testid="{value}"]' if value and '"' not in value else None


def _id(element: Mapping[str, Any]) -> str | None:
    value = str(element.get("id") or "")
    return value if _NAME.match(value) and not _CHANGES.search(value) else None


def _classes(element: Mapping[str, Any]) -> list[str]:
    return [name for name in element.get("classes") or () if _NAME.match(name)]


def _anchor(ancestors: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a selector for the nearest ancestor that has a name of its own."""
    for element in ancestors:
        if test := _test(element):
            return test
        if name := _id(element):
            return f"#{name}"
    return None


def sample_path(selector: str) -> Path:
    """
    Return the path of an element that fits *selector*, for examples beside a rule.

    Raise BadSelector if it is none of ours.
    """
    path: Path = []
    for place, compound in enumerate(parse_selector(selector).compounds):
        entry: dict[str, Any] = {"tag": compound.tag or ("div" if place else "button")}
        for how, name, value in compound.tests:
            if name == "classes" or (how == "word" and isinstance(entry.get(name), list)):
                entry.setdefault("classes", []).append(value)
            else:
                entry[name] = value if how != "has" else entry.get(name, "any")
        path.append(entry)
    return path
