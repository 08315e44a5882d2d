"""
Recording health of one site: what arrived, what was refused, what is missing, and what that means.

Owns the counts' shape and the findings; knows nothing of how they are counted, stored or worded.
Nothing in here is about a visitor: no address, no session, no page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DAY_MS = 86_400_000

What = Literal[
    "loader", "loader_off", "early", "batch", "refused", "origin", "version", "own_error", "masked"
]
"""
What is counted for a site and day, by detail: loaders fetched (while switched off), pages that were
left before their recorder had come, batches (stored, duplicate), batches refused (code) and where
from (origin), snippet versions of the batches, errors of the snippet's own (place in it), texts that were
masked at sealing because the page had not (attribute, or what else they stood in).
"""

QUIET_MS = 15 * 60_000
"""Loaders that are fetched so long after the last batch are visits that arrive nowhere."""

FEW_LOADERS = 3
"""Somebody who looks at the script's address is no page; nor is a crawler."""


@dataclass(frozen=True, slots=True)
class HealthCount:
    """How often something happened on one day (UTC, since 1970), and when last."""

    site: str  # key
    day: int
    what: What
    detail: str
    count: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class GapCount:
    """Gaps of one kind and reason, and the sessions that have them."""

    kind: str
    reason: str
    gaps: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Tallied:
    """Counts of one detail over a period."""

    detail: str
    count: int
    last_ms: int


Code = Literal[
    "off", "no_loader", "no_batches", "silent", "origin", "refused", "no_snapshot", "gaps",
    "own_errors", "masked", "assets_full",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an owner should know. *severe*: visits are not recorded because of it."""

    code: Code
    severe: bool
    names: tuple[str, ...] = ()  # origins, codes, places
    count: int = 0


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """The health of a site over a period."""

    site: str  # key
    since_ms: int
    counts: dict[What, tuple[Tallied, ...]] = field(default_factory=dict)  # most first
    sessions: int = 0
    incomplete: int = 0  # sessions with a known gap
    no_snapshot: int = 0  # ended sessions of which nothing can be shown
    no_farewell: int = 0  # ended sessions with a page whose end is not known
    gaps: tuple[GapCount, ...] = ()  # most first
    assets_full: bool = False  # a style sheet, font or picture found no room

    def of(self, what: What) -> tuple[Tallied, ...]:
        """Return the counts of *what* by detail, most first."""
        return self.counts.get(what, ())

    def total(self, what: What) -> int:
        """Return how often *what* happened."""
        return sum(one.count for one in self.of(what))

    def last_ms(self, what: What) -> int | None:
        """Return when *what* happened last."""
        return max((one.last_ms for one in self.of(what)), default=None)


def findings(health: SiteHealth, *, enabled: bool) -> list[Finding]:
    """Return what *health* comes to, what keeps visits from being recorded first."""
    found: list[Finding] = []
    loaders, batches = health.total("loader"), health.total("batch")
    refused, origins = health.of("refused"), health.of("origin")
    if not enabled:
        return [Finding("off", True)]
    if not loaders and not batches:
        found.append(Finding("no_loader", True))
    elif not batches and not refused and loaders >= FEW_LOADERS:
        found.append(Finding("no_batches", True, count=loaders))
    elif _silent(health):
        found.append(Finding("silent", True))
    if origins:
        names = tuple(one.detail for one in origins)
        found.append(Finding("origin", True, names, sum(one.count for one in origins)))
    others = [one for one in refused if one.detail not in ("origin", "off")]
    if others:
        names = tuple(one.detail for one in others)
        found.append(Finding("refused", False, names, sum(one.count for one in others)))
    if health.no_snapshot:
        found.append(Finding("no_snapshot", False, count=health.no_snapshot))
    if health.incomplete:
        found.append(Finding("gaps", False, count=health.incomplete))
    if errors := health.of("own_error"):
        names = tuple(one.detail for one in errors)
        found.append(Finding("own_errors", False, names, health.total("own_error")))
    if leaks := health.of("masked"):
        names = tuple(one.detail for one in leaks)
        found.append(Finding("masked", False, names, health.total("masked")))
    if health.assets_full:
        found.append(Finding("assets_full", False))
    return found


def _silent(health: SiteHealth) -> bool:
    """Say whether pages fetch the loader, and nothing has followed for a while."""
    batch, loader = health.last_ms("batch"), health.last_ms("loader")
    return batch is not None and loader is not None and loader - batch > QUIET_MS
