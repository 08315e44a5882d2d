"""
What must and must not be flagged, what was flagged, and the table of both.

Knows nothing of browsers and servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.e2e.scenarios.steps import Step

Kind = Literal["benign", "struggle", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Situation:
    """
    Something a visitor does, and what a site owner would call it.

    *must*: one of these rules has to flag it; empty for what is no struggle. *must_not*: none
    of these may; for a benign situation every rule counts. An ambiguous one is not counted,
    but its *must_not* holds.
    """

    name: str
    do: tuple[Step, ...]
    must: frozenset[str] = frozenset()
    must_not: frozenset[str] = frozenset()
    ambiguous: bool = False
    page: str = ""  # path of the page it starts on
    touch: bool = False  # on a phone

    @property
    def kind(self) -> Kind:
        """Say how it counts."""
        if self.ambiguous:
            return "ambiguous"
        return "struggle" if self.must else "benign"


def among(rules: Iterable[str], named: Iterable[str]) -> frozenset[str]:
    """Return those of *rules* that are *named*, or a part of one: `error_click_async` of `error_click`."""
    names = tuple(named)
    return frozenset(
        rule for rule in rules if any(rule == n or rule.startswith(f"{n}_") for n in names)
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a situation: the rules that flagged it, and the facts for whoever asks why."""

    situation: Situation
    rules: tuple[str, ...]
    session: str = ""
    events: Sequence[dict[str, Any]] = field(default=(), repr=False)
    provisional: tuple[str, ...] = ()  # flagged while the session was open

    @property
    def forbidden(self) -> frozenset[str]:
        """Return the rules that flagged it although they must not."""
        flagged = frozenset(self.rules) | frozenset(self.provisional)
        if self.situation.kind == "benign":
            return flagged
        return among(flagged, self.situation.must_not)

    @property
    def found(self) -> bool:
        """Say whether a rule it names flagged it and none that it forbids."""
        return bool(among(self.rules, self.situation.must)) and not self.forbidden

    @property
    def right(self) -> bool:
        """Say whether it came out as the table asks."""
        return self.found if self.situation.kind == "struggle" else not self.forbidden


def benign_flagged(seen: Sequence[Seen]) -> list[str]:
    """Return the names of the benign situations that were flagged."""
    return [s.situation.name for s in seen if s.situation.kind == "benign" and s.forbidden]


def struggles_missed(seen: Sequence[Seen]) -> list[str]:
    """Return the names of the struggles that no rule they name flagged, or a forbidden one did."""
    return [s.situation.name for s in seen if s.situation.kind == "struggle" and not s.found]


def ambiguous_wrong(seen: Sequence[Seen]) -> list[str]:
    """Return the names of the uncounted situations that a forbidden rule flagged."""
    return [s.situation.name for s in seen if s.situation.kind == "ambiguous" and s.forbidden]


CLICK_FACTS = (
    "t", "answered_ms", "answer", "feedback_ms", "request_ms", "request_done_ms", "request_status",
    "pending", "error_ms", "far", "selection_changed", "scrolled", "drag_px", "media", "in_dialog",
    "href", "refocus_ms", "cut",
)  # fmt: skip

ENVELOPE = ("id", "at", "i", "ts", "type", "target", "page_load", "tab", "view", "title_hash")


def facts_of(event: dict[str, Any]) -> str:
    """Return *event* as one line: its type, its target and what decides about it."""
    target = event.get("target") or {}
    what = " ".join(
        f"{k}={target[k]}"
        for k in ("key", "tag", "interactive", "why", "disabled", "editable")
        if k in target
    )
    if event["type"] == "click":
        facts = {k: event[k] for k in CLICK_FACTS if k in event}
    else:
        facts = {k: v for k, v in event.items() if k not in ENVELOPE}
    return f"{event['type']} [{what}] " + " ".join(f"{k}={v}" for k, v in facts.items())


def why_wrong(seen: Sequence[Seen]) -> str:
    """Return the events of each situation that came out wrong."""
    lines: list[str] = []
    for one in seen:
        if not one.right:
            lines.append(f"{one.situation.name} (session {one.session})")
            lines.extend(f"    {facts_of(event)}" for event in one.events)
    return "\n".join(lines)


def table(seen: Sequence[Seen]) -> str:
    """Return a Markdown table of what was flagged, with the counts below it."""
    rows = ["| situation | kind | must | flagged | |", "|---|---|---|---|---|"]
    for one in seen:
        flagged = sorted(set(one.rules) | {f"({r})" for r in set(one.provisional) - set(one.rules)})
        must = " or ".join(sorted(one.situation.must)) or "–"
        mark = "" if one.right else ("FALSE" if one.forbidden else "MISSED")
        name, kind = one.situation.name, one.situation.kind
        rows.append(f"| {name} | {kind} | {must} | {', '.join(flagged) or '–'} | {mark} |")
    benign = sum(s.situation.kind == "benign" for s in seen)
    struggles = sum(s.situation.kind == "struggle" for s in seen)
    rows.append("")
    rows.append(f"benign flagged: {len(benign_flagged(seen))} of {benign}")
    rows.append(f"struggle found: {struggles - len(struggles_missed(seen))} of {struggles}")
    return "\n".join(rows)
