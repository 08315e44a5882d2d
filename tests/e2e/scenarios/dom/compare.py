"""
Compares two outlines of a document (src/outline.js says what is in one, and what is left out).

Under `open` text and attributes have to be equal. Under `standard` the recording says less on
purpose: structure, the names of attributes and the released values have to be equal; any other
value, and any text, may be masked, which keeps its length and its blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Outline = dict[str, Any]


def masked(text: str) -> str:
    """Return *text* as a masking preset records it."""
    return re.sub(r"\S", "x", text)


@dataclass(frozen=True, slots=True)
class Strictness:
    """
    What of a document has to be equal.

    *masks*: texts and attributes may be masked, except the *released* attributes.
    """

    masks: bool = False
    released: frozenset[str] = frozenset()

    def same_text(self, live: str, replayed: str) -> bool:
        """Say whether *replayed* is what *live* has to look like."""
        return live == replayed or (self.masks and masked(live) == replayed)

    def same_value(self, name: str, live: str, replayed: str) -> bool:
        """Say the same of the value of the attribute *name*."""
        return live == replayed or (name not in self.released and self.same_text(live, replayed))


def path_of(outline: Outline) -> str:
    """Return *outline*'s step in a path, e.g. button#add."""
    attributes = outline["attributes"]
    if attributes.get("id"):
        return f"{outline['tag']}#{attributes['id']}"
    return str(outline["tag"])


def differences(live: Outline, replayed: Outline, how: Strictness, at: str = "") -> Iterator[str]:
    """Yield one line for each place where *replayed* is not what *live* was."""
    here = f"{at} > {path_of(live)}" if at else path_of(live)
    if live["tag"] != replayed["tag"]:
        yield f"{here}: element {live['tag']} became {replayed['tag']}"
        return
    yield from _attributes(live["attributes"], replayed["attributes"], how, here)
    if live["shown"] != replayed["shown"]:
        yield f"{here}: shown {live['shown']} became {replayed['shown']}"
    for part in ("children", "shadow"):
        yield from _children(live.get(part) or [], replayed.get(part) or [], how, here)
    if live.get("frame") and replayed.get("frame"):
        yield from differences(live["frame"], replayed["frame"], how, here)
    elif live.get("frame"):
        yield f"{here}: the frame's document is missing"


def _attributes(
    live: dict[str, str], replayed: dict[str, str], how: Strictness, here: str
) -> Iterator[str]:
    for name in sorted(live.keys() | replayed.keys()):
        if name not in replayed:
            yield f"{here}: attribute {name}={live[name]!r} is missing"
        elif name not in live:
            yield f"{here}: attribute {name}={replayed[name]!r} was not there"
        elif not how.same_value(name, live[name], replayed[name]):
            yield f"{here}: attribute {name}={live[name]!r} became {replayed[name]!r}"


def _children(live: list[Any], replayed: list[Any], how: Strictness, here: str) -> Iterator[str]:
    kinds = [[c if isinstance(c, str) else path_of(c) for c in side] for side in (live, replayed)]
    if [isinstance(c, str) for c in live] != [isinstance(c, str) for c in replayed]:
        yield f"{here}: children {kinds[0]} became {kinds[1]}"
        return
    for before, after in zip(live, replayed, strict=True):
        if not isinstance(before, str):
            yield from differences(before, after, how, here)
        elif not how.same_text(before, after):
            yield f"{here}: text {before!r} became {after!r}"
