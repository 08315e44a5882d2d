"""The one table of what each preset releases (classes.yaml): its classes, canaries and page in the docs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.model import Privacy

PRESETS: tuple[Privacy, ...] = ("strict", "standard", "open")
_FILE = Path(__file__).parent / "classes.yaml"
_KINDS = ("html", "late", "js", "echo", "hand")


@dataclass(frozen=True)
class Place:
    """One class of place. *kind* says how the canary gets there, by *code*."""

    group: str
    name: str
    number: int
    kind: str
    code: str
    form: str  # of its canaries
    released: frozenset[str]  # presets under which it may be found anywhere
    sent: bool  # reaches the collector under every preset, which does not keep it

    @property
    def wheres(self) -> tuple[int, ...]:
        """Return which canaries it has: 0 from the start, 1 added later."""
        return {"html": (0, 1), "late": (1,)}.get(self.kind, (0,))

    def canary(self, preset: str, where: int) -> str:
        """Return what stands nowhere else: a word of letters, unless a field takes only other values."""
        nth, at = self.number, PRESETS.index(preset)  # type: ignore[arg-type] -- tests only
        letters = f"{'sdo'[at]}{'ab'[where]}{chr(97 + nth // 26)}{chr(97 + nth % 26)}"
        return {
            "word": f"zq{letters}qz",
            "number": f"73{at}{where}{nth:03d}9157",
            "date": f"18{nth % 100:02d}-0{at + 1}-2{where}",
            "month": f"17{nth % 100:02d}-{at + 4 + 3 * where:02d}",
            "week": f"16{nth % 100:02d}-W{10 + at + 3 * where}",
            "datetime": f"15{nth % 100:02d}-03-0{at + 1}T0{where}:37",
            "colour": f"#{at + 1}{where + 3}a{nth:03d}",
        }[self.form]


def places() -> list[Place]:
    """Return all classes in the order of the table."""
    found: list[Place] = []
    for group, classes in yaml.safe_load(_FILE.read_text()).items():
        for name, told in classes.items():
            found.append(_place(group, name, len(found), told))
    return found


def _place(group: str, name: str, number: int, told: dict[str, Any]) -> Place:
    kind = next(kind for kind in _KINDS if kind in told)
    assert set(told) <= {kind, "as", "sent", *PRESETS}, name
    released = frozenset(preset for preset in PRESETS if preset in told)
    form = told.get("as", "word")
    return Place(group, name, number, kind, told[kind], form, released, "sent" in told)


def markdown() -> str:
    """Return the table as docs/privacy.md has it."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield "| a text in this place | strict | standard | open |"
    yield "|---|---|---|---|"
    group = ""
    for place in places():
        if place.group != group:
            group = place.group
            yield f"| **{group}** | | | |"
        shown = ["sent, not kept" if place.sent else "·"] * len(PRESETS)
        marks = [
            "shown" if preset in place.released else mark
            for preset, mark in zip(PRESETS, shown, strict=True)
        ]
        yield f"| {place.name} | {' | '.join(marks)} |"
