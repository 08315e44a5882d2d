"""The shop's planted defects: what they are called, where they sit, and which are on.

faults.yaml holds them. Where a defect takes effect is the business of the pages, the routes and the scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from .i18n import Words


class UnknownFault(ValueError):
    """A name that is no planted defect. The text lists those that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no planted defect is called {name!r}; there are: {', '.join(NAMES)}")
        self.name = name


@dataclass(frozen=True)
class Fault:
    """
    One planted defect. *page* is a path below /LANGUAGE/ on which it can be met.

    *kind* is network, form, script or layout; *rule* is the one that its scripted visit raises.
    """

    name: str
    kind: str
    rule: str
    place: Words
    text: Words
    page: str


def _read() -> tuple[Fault, ...]:
    rows = yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text(encoding="utf-8"))
    return tuple(
        Fault(**{**row, "place": Words(**row["place"]), "text": Words(**row["text"])})
        for row in rows
    )


FAULTS = _read()
NAMES = tuple(fault.name for fault in FAULTS)


@dataclass(frozen=True)
class Faults:
    """Which defects are on."""

    active: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Faults:
        """Return those of *names*; an unknown one raises UnknownFault."""
        wanted = frozenset(names)
        for name in sorted(wanted):
            if name not in NAMES:
                raise UnknownFault(name)
        return cls(wanted)

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read 'all', 'none' or names with commas between them."""
        if text == "all":
            return cls.all()
        if text in ("none", ""):
            return cls.none()
        return cls.of(name.strip() for name in text.split(",") if name.strip())

    @classmethod
    def all(cls) -> Faults:
        return cls(frozenset(NAMES))

    @classmethod
    def none(cls) -> Faults:
        return cls(frozenset())

    def __contains__(self, name: object) -> bool:
        return name in self.active

    def __str__(self) -> str:
        """Give the form that `parse` reads."""
        return ",".join(name for name in NAMES if name in self.active) or "none"
