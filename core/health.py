"""
Recording health of one site: what arrived, what was refused, what is missing, and what that means;
and of the disk below all sites.

Owns the counts' shape and the findings; knows nothing of how they are counted, stored or worded.
Nothing in here is about a visitor: no address, no session, no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

DAY_MS = 86_400_000

What = Literal[
    "loader", "loader_off", "early", "batch", "refused", "origin", "version", "own_error", "masked",
    "unknown_key", "removed",
]  # fmt: skip
"""
What is counted for a site and day, by detail: loaders fetched (while switched off; by pages of which origin),
pages that were left before their recorder had come, batches (stored, duplicate), batches refused (code) and
where from (origin), snippet versions of the batches, errors of the snippet's own (place in it), texts that
were masked at sealing because the page had not (attribute, or what else they stood in); sessions removed
(age, size, folder: by which limit; erased); for the server alone: loaders asked for with a key that no site
has (origin of the page, key).
"""

SERVER = ""
"""Stands in place of a site's key for what belongs to no site."""

QUIET_MS = 15 * 60_000
"""Loaders that are fetched so long after the last batch are visits that arrive nowhere."""

FEW_LOADERS = 3
"""Somebody who looks at the script's address is no page; nor is a crawler."""


CLOCK_MS = 60_000
"""Browsers' clocks are right to the second, but for a few: most of them agree against a server."""

CLOCKS = 5
"""Fewer sessions say nothing: one visitor's clock may be wrong."""

OLD_MS = 3_600_000
"""A page that stays open goes on with the script it has: after an upgrade both are seen for a while."""

FULL_BYTES = 1 << 20
"""With less than that free the database's own log finds no room."""


@dataclass(frozen=True, slots=True)
class Room:
    """
    How much of the disk is free, and how much of that is kept back from recordings.

    *damaged* are the files of the data folder that were met damaged since the start.
    """

    free_bytes: int
    reserve_bytes: int
    damaged: tuple[str, ...] = ()


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
    "own_errors", "masked", "assets_full", "wrong_key", "old_snippet", "newer_snippet", "damaged",
    "storage", "clock", "bots", "failed", "reserve", "disk_full", "disk_reserve",
    "files_damaged",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an owner should know. *severe*: visits are not recorded because of it."""

    code: Code
    severe: bool
    names: tuple[str, ...] = ()  # origins, codes, places, versions, keys
    count: int = 0  # times; of a clock: seconds that the server's is ahead of the browsers'


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
    bots: int = 0  # sessions of browsers that a program drives
    ahead_ms: int | None = None  # median of the server's clock against browsers'; None: not known
    unknown_keys: tuple[Tallied, ...] = ()  # of the whole server: "ORIGIN KEY", most first

    def of(self, what: What) -> tuple[Tallied, ...]:
        """Return the counts of *what* by detail, most first."""
        return self.counts.get(what, ())

    def total(self, what: What) -> int:
        """Return how often *what* happened."""
        return sum(one.count for one in self.of(what))

    def last_ms(self, what: What) -> int | None:
        """Return when *what* happened last."""
        return max((one.last_ms for one in self.of(what)), default=None)


OWN_FINDING = {"origin": "", "off": "", "bad_frame": "damaged", "bad_version": "newer_snippet",
               "failed": "failed", "reserve": "reserve"}  # fmt: skip
"""Codes of refused batches that another finding tells of: that of the origins, or one of their own."""


def findings(
    health: SiteHealth, *, enabled: bool, origins: tuple[str, ...] = (), version: str = ""
) -> list[Finding]:
    """
    Return what *health* comes to, what keeps visits from being recorded first.

    *origins* are those of the site, *version* is that of the snippet that this server hands out.
    """
    if not enabled:
        return [Finding("off", True)]
    found = [
        *_silence(health),
        *_elsewhere(health, origins),
        *_refusals(health),
        *_lacks(health),
        *_browsers(health, version),
    ]
    return sorted(found, key=lambda one: not one.severe)


def room_findings(room: Room) -> list[Finding]:
    """Return what the disk's free *room* comes to, and what is damaged on it."""
    megabytes = room.free_bytes >> 20
    found: list[Finding] = []
    if room.free_bytes < FULL_BYTES:
        found.append(Finding("disk_full", True, count=megabytes))
    elif room.free_bytes < room.reserve_bytes:
        found.append(Finding("disk_reserve", True, (str(room.reserve_bytes >> 20),), megabytes))
    if room.damaged:
        found.append(Finding("files_damaged", False, room.damaged, len(room.damaged)))
    return found


def _silence(health: SiteHealth) -> Iterator[Finding]:
    """Tell of pages that do not ask for the script, or ask for it and send nothing."""
    loaders, batches = health.total("loader"), health.total("batch")
    if not loaders and not batches:
        yield Finding("no_loader", True)
    elif not batches and not health.of("refused") and loaders >= FEW_LOADERS:
        yield Finding("no_batches", True, count=loaders)
    elif _silent(health):
        yield Finding("silent", True)


def _silent(health: SiteHealth) -> bool:
    """Say whether pages fetch the loader, and nothing has followed for a while."""
    batch, loader = health.last_ms("batch"), health.last_ms("loader")
    return batch is not None and loader is not None and loader - batch > QUIET_MS


def _elsewhere(health: SiteHealth, origins: tuple[str, ...]) -> Iterator[Finding]:
    """Tell of pages that are none of the site's, and of pages of the site with another's key."""
    if strangers := health.of("origin"):
        yield _named("origin", True, strangers)
    wrong = [one for one in health.unknown_keys if one.detail.split(" ")[0] in origins]
    if wrong:
        yield _named("wrong_key", True, [replace(o, detail=o.detail.split(" ")[-1]) for o in wrong])


def _refusals(health: SiteHealth) -> Iterator[Finding]:
    """Tell of batches that came and were not taken, by what has to be done about it."""
    groups: dict[str, list[Tallied]] = {}
    for one in health.of("refused"):
        groups.setdefault(OWN_FINDING.get(one.detail, "refused"), []).append(one)
    codes: tuple[Code, ...] = ("failed", "reserve", "newer_snippet", "damaged", "refused")
    for code in codes:
        if group := groups.get(code):
            yield _named(code, False, group)


def _lacks(health: SiteHealth) -> Iterator[Finding]:
    """Tell of what sessions lack."""
    if health.no_snapshot:
        yield Finding("no_snapshot", False, count=health.no_snapshot)
    if health.incomplete:
        yield Finding("gaps", False, count=health.incomplete)
    if health.assets_full:
        yield Finding("assets_full", False)


def _browsers(health: SiteHealth, version: str) -> Iterator[Finding]:
    """Tell of what browsers are and have: their script, its errors, their storage and clock."""
    errors = health.of("own_error")
    if storage := [one for one in errors if one.detail == "storage"]:
        yield _named("storage", False, storage)
    if others := [one for one in errors if one.detail != "storage"]:
        yield _named("own_errors", False, others)
    if leaks := health.of("masked"):
        yield _named("masked", False, leaks)
    newest = health.last_ms("version") or 0
    old = [
        one
        for one in health.of("version")
        if version and one.detail not in (version, "?") and newest - one.last_ms <= OLD_MS
    ]
    if old:
        yield _named("old_snippet", False, old)
    if health.ahead_ms is not None and abs(health.ahead_ms) > CLOCK_MS:
        yield Finding("clock", False, count=round(health.ahead_ms / 1000))
    if health.bots and 2 * health.bots >= health.sessions:
        yield Finding("bots", False, count=health.bots)


def _named(code: Code, severe: bool, counts: Sequence[Tallied]) -> Finding:
    names = tuple(one.detail for one in counts)
    return Finding(code, severe, names, sum(one.count for one in counts))
