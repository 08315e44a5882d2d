"""
Alerts: what somebody wants to be told of, when it was, and what is still to be sent.

Owns their types and what the store promises of them (AlertStore). When one fires is
stolper/alerting/watching.py's, how it is sent is its neighbours'. Nothing in here is about a
visitor: what an alert says of struggles is looked up when it is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from core.model import Session, Severity

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

AlertKind = Literal["count", "new", "silent", "digest"]
"""
Many sessions with a struggle; a struggle that was not there before; nothing arrives of a site any more;
the week in numbers.
"""

ALERT_KINDS: tuple[AlertKind, ...] = ("count", "new", "silent", "digest")

WINDOWS = (HOUR_MS, 6 * HOUR_MS, DAY_MS, WEEK_MS)
"""
Spans in which sessions are counted. None is shorter: rules that judge at a visit's end do that up
to an idle timeout after what they tell of.
"""

SILENCES = (HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS)
"""Spans in which nothing arrives. They are compared with the same hours of other days: none is longer."""

DeliveryState = Literal["waiting", "sent", "given_up"]


@dataclass(frozen=True, slots=True)
class FlagFilter:
    """Which flags count; what is empty asks for nothing."""

    site: str = ""  # key
    rule: str = ""
    page: str = ""  # a path; with * at its end all that begin so
    severity: Severity = "info"  # at least
    struggle: str = ""  # key


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What somebody wants to be told of."""

    id: str
    kind: AlertKind
    name: str
    to: tuple[str, ...]  # names of destinations (setting alerts.to)
    language: str = "en"
    site: str = ""  # key; empty: all
    rule: str = ""
    page: str = ""
    severity: Severity = "info"
    threshold: int = 1  # sessions; of a silence: that usually begin in such a span
    window_ms: int = HOUR_MS
    factor: float = 0.0  # times what is usual at that hour; 0: the threshold alone counts
    weekday: int = 0  # of a digest; Monday is 0
    report: str = ""  # that a digest sends; empty: the week in numbers
    hour: int = 7
    enabled: bool = True
    changed_ms: int = 0  # what was before is not told
    author: str = ""

    @property
    def filter(self) -> FlagFilter:
        """Return which flags it counts."""
        return FlagFilter(self.site, self.rule, self.page, self.severity)


@dataclass(frozen=True, slots=True)
class AlertState:
    """An alert, since when what it watches is so (None: it is not), and when it was last told."""

    alert: Alert
    firing_ms: int | None = None
    told_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """
    That an alert fires *at_ms*. *facts* are numbers and keys, no texts of visitors.

    *ongoing*: it stays so until it is settled, and is not told again before. *told* are the struggles,
    returns of struggles and silences that it tells of for the first time.
    """

    at_ms: int
    facts: Mapping[str, Any]
    ongoing: bool = False
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one destination. *id* stays the same however often it is tried."""

    id: str
    alert: str  # id; empty: a test
    name: str  # of the alert, as it was called
    kind: AlertKind | Literal["test"]
    destination: str
    language: str
    facts: dict[str, Any]
    created_ms: int
    due_ms: int
    attempts: int = 0
    state: DeliveryState = "waiting"
    error: str = ""
    done_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A struggle with the sessions that have it in a span, and in the span of the same length before."""

    key: str
    sessions: int
    before: int = 0
    first_ms: int = 0


@dataclass(frozen=True, slots=True)
class Returned:
    """A struggle that was resolved and came back *at_ms*; *told* is what stands for that in Firing.told."""

    key: str
    at_ms: int

    @property
    def told(self) -> str:
        """Return the name of this return: each one is told."""
        return f"{self.key}#{self.at_ms}"


@dataclass(frozen=True, slots=True)
class Flagged:
    """A session that counts, with the first of its flags that do."""

    session: Session
    flag: str
    flags: int = 1


@dataclass(frozen=True, slots=True)
class Span:
    """From *from_ms* up to, without it, *until_ms*."""

    from_ms: int
    until_ms: int = field(default=1 << 53)


def delivery_id(alert: str, at_ms: int, destination: str) -> str:
    """Return the id of what *alert*, fired *at_ms*, sends to *destination*."""
    return hashlib.blake2b(f"{alert}\0{at_ms}\0{destination}".encode(), digest_size=16).hexdigest()


class AlertStore(Protocol):
    """Alerts, whether they hold, and what is to be sent. Counted are flags that were not withdrawn."""

    async def put_alert(self, alert: Alert) -> None:
        """Store or replace *alert*. It does not fire then, and what it told of is forgotten."""

    async def remove_alert(self, id_: str) -> bool:
        """Remove an alert with what it was about to send; return whether there was one."""

    async def alert_states(self) -> list[AlertState]:
        """Return all alerts with their states, by name."""

    async def fire(self, id_: str, firing: Firing) -> bool:
        """
        Note that an alert fires, and what it sends to each of its destinations, in one transaction.

        False, and nothing is changed, if it is gone, switched off, changed since *firing* or fires already.
        """

    async def told(self, id_: str) -> set[str]:
        """Return what an alert told of, as Firing.told names it."""

    async def settle(self, id_: str) -> None:
        """Note that what an alert watches is over, so that it may fire again."""

    async def add_delivery(self, delivery: Delivery) -> None:
        """Keep *delivery* to be sent; one of the same id stays as it is."""

    async def due_deliveries(self, now_ms: int, limit: int) -> list[Delivery]:
        """Return up to *limit* waiting deliveries that are due at *now_ms*, the longest due first."""

    async def next_due_ms(self) -> int | None:
        """Return when the next waiting delivery is due; None if none waits."""

    async def note_delivery(self, delivery: Delivery) -> None:
        """Note what became of a delivery: its attempts, state, error and times."""

    async def deliveries(self, limit: int, *, before: Delivery | None = None) -> list[Delivery]:
        """Return up to *limit* deliveries, newest first; those after *before* in that order."""

    async def delivery(self, id_: str) -> Delivery | None:
        """Return one delivery."""

    async def drop_deliveries(self, before_ms: int) -> int:
        """Remove what was sent or given up before; return how many."""

    async def count_flagged(self, wanted: FlagFilter, spans: Sequence[Span]) -> list[int]:
        """
        Return for each of *spans* how many sessions have a flag in it that *wanted* takes.

        Struggles that somebody ignores (core/triage.py) are left out, here and below.
        """

    async def flagged_sessions(
        self, wanted: FlagFilter, span: Span, limit: int, *, offset: int = 0
    ) -> list[Flagged]:
        """Return up to *limit* of the sessions that count_flagged() counts, by their first such flag, newest first."""

    async def flag_moments(
        self, wanted: FlagFilter, span: Span, limit: int
    ) -> list[tuple[float, str]]:
        """Return time and session of up to *limit* flags that *wanted* takes, the newest ones, by time."""

    async def counted_struggles(
        self, wanted: FlagFilter, span: Span, limit: int, before: Span | None = None
    ) -> list[Counted]:
        """
        Return struggles by sessions in *span*, most first, with those of the span *before* it.

        None: as long a one. A week in which the clocks are changed is not as long as the one before.
        """

    async def new_struggles(self, alert: Alert, limit: int) -> list[Counted]:
        """
        Return struggles that began since *alert* was changed, have its threshold of sessions, and were not
        told by it yet; oldest first.
        """

    async def returned_struggles(self, alert: Alert, limit: int) -> list[Returned]:
        """
        Return struggles that came back after they were resolved (core/triage.py), since *alert* was changed,
        by a flag that it takes, and whose return was not told by it yet; oldest first.
        """

    async def last_arrivals(self) -> dict[str, int]:
        """
        Return when the last batch of each site (key) arrived, by the server's clock: tests and imports left out.

        It lags by a few seconds, as all counts of recording health do. Sites of which none came are left out.
        """

    async def oldest_visit_ms(self, site: str) -> int | None:
        """Return when the oldest stored session of a site (key; empty: of all) began, tests left out."""
