"""
One session while it is judged: its order, its state, and whether that can stand.

Pure but for time, which is passed in. The task around it is detector/service.py.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import inf
from typing import Any

from core.model import Flag, Score, Session, StoredBatch
from detector.book import Raised
from detector.engine import Engine, canonical, flags
from detector.order import Load, Order
from detector.verdicts import flag_id, to_flag

GRACE_MS = 5000
"""Beyond the flush interval: how long an event may be on its way before it counts as absent."""

GONE = frozenset(("link", "back", "close"))
"""Ways to leave a page after which nothing more comes of it."""

_NONE: Set[str] = frozenset()
_TELLING = frozenset(("leave", "visibility"))

LATE = "events came later than they should have"
ATTRIBUTES = "attributes of the session changed"
RESTARTED = "judged again after a restart"
RULES = "the rules changed"


class LiveSession:
    """A session that is open, or is being judged again."""

    __slots__ = (
        "_ahead", "_attributes", "_engine", "_floor", "_idle_ms", "_known", "_left", "_load", "_newest",
        "_order", "_state", "_swept", "_unseen_ms", "dirty", "id", "position", "site",
    )  # fmt: skip

    def __init__(
        self,
        engine: Engine,
        session: Session,
        *,
        lateness_ms: int,
        flush_ms: int,
        idle_timeout_ms: int,
    ) -> None:
        self.id = session.id
        self.site = session.site
        self.position = 0
        self.dirty: str | None = None
        self._engine = engine
        self._attributes = session.attributes
        self._state = engine.new(self._attributes)
        self._order = Order(lateness_ms)
        self._unseen_ms = flush_ms + GRACE_MS
        self._idle_ms = idle_timeout_ms
        self._load: Load | None = None  # the one that sent the last batch
        self._newest: tuple[float, str, int] | None = None  # ts, page load and index
        self._ahead = False  # the newest is the last of the page load that sent last
        self._floor = -inf  # only what is later is in order beyond doubt
        self._left = False
        self._swept = -inf
        self._known: Set[str] = _NONE  # ids of flags that the store may have

    def by(self, engine: Engine) -> bool:
        """Say whether *engine* is the one that judges this session."""
        return self._engine is engine

    # -- events --------------------------------------------------------------------------

    def rebuild(self, batches: Sequence[StoredBatch], now_ms: int | None) -> None:
        """
        Judge what is stored of the session, in canonical order; what waits keeps waiting.

        With None as *now_ms* nothing is waited for any more: the session has ended.
        """
        free: list[dict[str, Any]] = []
        for batch in batches:
            self.position = max(self.position, batch.position)
            free.extend(self._order.add(batch, batch.received_ms))
        free.extend(self._order.flush() if now_ms is None else self._order.overdue(now_ms))
        for event in sorted(free, key=canonical):
            self._judge(event)

    def add(self, batch: StoredBatch, now_ms: int) -> None:
        """Judge what *batch* brings, unless it is known already."""
        events, load = batch.events, self._load
        if load is None or load.place[0] != batch.page_load:
            self._settle()
            load = self._load = self._order.load(batch)
        index = load.next
        if (
            events
            and events[0]["i"] == index
            and events[-1]["i"] - index == len(events) - 1
            and not (load.held or batch.void)
            and batch.position > self.position
        ):
            # As nearly always, what comes is what is due (the collector sorts by index).
            reached = self._engine.take(self._state, events, load.place, index, self._floor)
            if reached == index:
                self._wait_for(batch, now_ms, 0)
                return
            self.position = batch.position
            load.next = reached
            last = events[reached - index - 1]
            self._floor = last["ts"]
            self._ahead = True
            if self._left or last["type"] in _TELLING:
                self._follow(events[: reached - index])
            if reached - index < len(events):
                self._wait_for(batch, now_ms, reached - index)
        elif batch.position > self.position:
            self._wait_for(batch, now_ms, 0)

    def _wait_for(self, batch: StoredBatch, now_ms: int, known: int) -> None:
        """Judge what is free of *batch* from event number *known* on; the rest waits for a hole."""
        self.position = batch.position
        self._settle()
        for event in self._order.add(batch, now_ms, skip=known):
            self._judge(event)

    def _settle(self) -> None:
        """Note which event is the newest, where the last batch left that open."""
        if self._ahead and self._load is not None:
            self._ahead = False
            self._newest = (self._floor, self._load.place[0], self._load.next - 1)

    def _follow(self, run: Sequence[dict[str, Any]]) -> None:
        """Take note whether the visitor was gone after *run*, the newest events."""
        for last in reversed(run):
            if last["type"] != "visibility":  # a tab is hidden as it is left
                self._left = last["type"] == "leave" and last.get("kind") in GONE
                break

    def _judge(self, event: dict[str, Any]) -> None:
        key = (event["ts"], event["page_load"], event["i"])
        if key[0] <= self._swept:
            self.dirty = self.dirty or LATE
        if self._newest is None or key > self._newest:
            self._newest = key
            self._floor = max(key[0], self._swept)
            self._follow((event,))
        else:
            self.dirty = self.dirty or LATE
        self._engine.feed(self._state, event)

    def sweep(self, now_ms: int) -> None:
        """Give up holes that were waited for long enough, and let deadlines run out."""
        self._settle()
        for event in self._order.overdue(now_ms):
            self._judge(event)
        if self._newest is None or self._left or self._order.waiting:
            return
        horizon = min(now_ms - self._unseen_ms, self._silence())
        if self._state[0] <= horizon:
            self._engine.expire(self._state, horizon, inclusive=True)
            self._swept = max(self._swept, horizon)
            self._floor = max(self._floor, horizon)

    def _silence(self) -> float:
        """Return until when the session is known to be silent once it has ended idle."""
        last = self._newest[0] if self._newest is not None else -inf
        return last if self._left else max(last, last + self._idle_ms - self._unseen_ms)

    # -- flags ---------------------------------------------------------------------------

    def changed(self) -> tuple[Flag, ...]:
        """Return flags that are new or differ since the last call, as provisional ones."""
        book = self._state[2]
        if book is None or not book.changed:
            return ()
        found = [self._shown(raised, provisional=True) for raised in book.changed.values()]
        book.changed.clear()
        kept = [flag for flag in found if flag.withdrawn is None or flag.id in self._known]
        self._known |= {flag.id for flag in kept}
        return tuple(kept)

    def raised(self) -> list[Raised]:
        """Return the flags that stand, by time, as the engine keeps them."""
        return flags(self._state)

    def all(self, *, provisional: bool) -> tuple[Flag, ...]:
        """Return all flags that stand, and those that were replaced after they had been shown."""
        book = self._state[2]
        if book is None:
            return ()
        book.changed.clear()
        standing = [self._shown(raised, provisional=provisional) for raised in flags(self._state)]
        ids = {flag.id for flag in standing}
        gone = [raised for raised in book.all() if raised.withdrawn is not None]
        replaced = [
            self._shown(raised, provisional=False)
            for raised in gone
            if flag_id(self.id, raised) in self._known - ids
        ]
        self._known |= ids
        return tuple(standing + replaced)

    def _shown(self, raised: Raised, *, provisional: bool) -> Flag:
        return to_flag(self.id, self.site, raised, provisional=provisional)

    def know(self, ids: set[str]) -> None:
        """Take note of flags that the store has from an earlier judgement."""
        self._known |= ids

    @property
    def known(self) -> set[str]:
        """Return the ids of flags that the store may have."""
        return set(self._known)

    @property
    def truncated(self) -> tuple[str, ...]:
        """Return the rules that hit a bound in this session."""
        book = self._state[2]
        return tuple(sorted(book.truncated)) if book is not None else ()

    def score(self) -> Score:
        """Return the score of the flags that stand."""
        standing = [self._shown(raised, provisional=True) for raised in flags(self._state)]
        return self._engine.score(self._state, standing)

    # -- end -----------------------------------------------------------------------------

    def end(self, session: Session) -> None:
        """
        Judge the end of *session*: what still waits, then session_end.

        When the session was ended before its idle timeout, the moment at which it was closed
        bounds what is known of the silence after its last event.
        """
        self._settle()
        if self._order.waiting:
            for event in self._order.flush():
                self._judge(event)
        if session.attributes != self._attributes:
            self.dirty = self.dirty or ATTRIBUTES
        last = self._newest[0] if self._newest is not None else float(session.last_ms)
        horizon = self._silence()
        if session.end_kind == "ended":
            known = -inf if session.closed_ms is None else session.closed_ms - self._unseen_ms
            horizon = min(horizon, max(known, last))
            if self._swept > horizon:  # silence beyond what counts was judged as well
                self.dirty = self.dirty or LATE
        self._engine.end(self._state, last, session.end_kind or "idle", horizon=horizon)
