"""Owns how a session's score is shown: bands in words, and each term as it was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.words import Words
from core.model import Flag, Score, ScoreTerm, Severity, band_of

BANDS = {"low": (1, 24), "medium": (25, 49), "high": (50, 74), "severe": (75, 100)}
"""From and to which score each band goes, both included."""

_LOOKS: dict[str, Severity] = {
    "none": "info",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "severe": "critical",
}


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that a flag's weight was multiplied by, and why."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class TermRow:
    """One flag's part of the score, with what a page says of it."""

    term: ScoreTerm
    flag: Flag
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """Flags about the same trouble. *points* is what they add up to."""

    number: int
    rows: tuple[TermRow, ...]

    @property
    def points(self) -> float:
        """Return the sum of its rows."""
        return sum(row.term.points for row in self.rows)


def band_text(score: int, _: Words) -> str:
    """Return what *score* is called."""
    return {
        "none": _("no struggle"),
        "low": _("low"),
        "medium": _("medium"),
        "high": _("high"),
        "severe": _("severe"),
    }[band_of(score)]


def band_look(score: int) -> Severity:
    """Return the severity whose colour and shape *score* is shown in."""
    return _LOOKS[band_of(score)]


def incidents(score: Score, flags: Sequence[Flag], _: Words) -> list[Incident]:
    """Return the terms of *score* by incident; *flags* are those of its session."""
    known = {flag.id: flag for flag in flags}
    found: dict[int, list[TermRow]] = {}
    for term in score.terms:
        if term.flag in known:
            row = TermRow(term, known[term.flag], tuple(_factors(term, _)))
            found.setdefault(term.incident, []).append(row)
    return [Incident(number, tuple(rows)) for number, rows in found.items()]


def _factors(term: ScoreTerm, _: Words) -> list[Factor]:
    texts = {
        "critical": _("on a critical page or step"),
        "left": _("page left within 10 seconds"),
        "succeeded": _("it succeeded within 30 seconds"),
    }
    found = [Factor(term.weight, _("weight of the rule"))]
    if term.repeat != 1:
        found.append(Factor(term.repeat, _("repeated on the same thing")))
    found += [Factor(value, texts.get(name, name)) for name, value in term.context.items()]
    if term.share != 1:
        found.append(Factor(term.share, _("part of the same incident")))
    return found
