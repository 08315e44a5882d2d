"""
One session while it is judged: its order, its state, and whether that can stand.

Pure but for time, which is passed in. The task around it is detector/service.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from core.model import Flag, Score, Session, StoredBatch
from detector.book import Raised
from detector.engine import Engine, canonical, flags
from detector.order import Order
from detector.verdicts import flag_id, to_flag

GRACE_MS = 5000
"""Beyond the flush interval: how long an event may be on its way before it counts as absent."""

GONE = frozenset(("link", "back", "close"))
"""Ways to leave a page after which nothing more comes of it."""

LATE = "events came later than they should have"
ATTRIBUTES = "attributes of the session changed"
RESTARTED = "judged again after a restart"
RULES = "the rules changed"


class LiveSession:
    """A session that is open, or is being judged again."""

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
        self._attributes = dict(session.attributes)
        self._state = engine.new(self._attributes)
        self._order = Order(lateness_ms)
        self._unseen_ms = flush_ms + GRACE_MS
        self._idle_ms = idle_timeout_ms
        self._newest: tuple[float, str, float, int] | None = None
        self._left = False
        self._swept = -inf
        self._known: set[str] = set()  # ids of flags that the store may have

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
        if batch.position <= self.position:
            return
        self.position = batch.position
        for event in self._order.add(batch, now_ms):
            self._judge(event)

    def _judge(self, event: dict[str, Any]) -> None:
        key = canonical(event)
        if (self._newest is not None and key < self._newest) or key[0] <= self._swept:
            self.dirty = self.dirty or LATE
        if self._newest is None or key > self._newest:
            self._newest = key
            if event["type"] != "visibility":  # a tab is hidden as it is left
                self._left = event["type"] == "leave" and event.get("kind") in GONE
        self._engine.feed(self._state, event)

    def sweep(self, now_ms: int) -> None:
        """Give up holes that were waited for long enough, and let deadlines run out."""
        for event in self._order.overdue(now_ms):
            self._judge(event)
        if self._newest is None or self._left or self._order.waiting:
            return
        horizon = min(now_ms - self._unseen_ms, self._silence())
        if self._state[0] <= horizon:
            self._engine.expire(self._state, horizon, inclusive=True)
            self._swept = max(self._swept, horizon)

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
        self._known.update(flag.id for flag in kept)
        return tuple(kept)

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
        for event in self._order.flush():
            self._judge(event)
        if dict(session.attributes) != self._attributes:
            self.dirty = self.dirty or ATTRIBUTES
        last = self._newest[0] if self._newest is not None else float(session.last_ms)
        horizon = self._silence()
        if session.end_kind == "ended":
            known = -inf if session.closed_ms is None else session.closed_ms - self._unseen_ms
            horizon = min(horizon, max(known, last))
            if self._swept > horizon:  # silence beyond what counts was judged as well
                self.dirty = self.dirty or LATE
        self._engine.end(self._state, last, session.end_kind or "idle", horizon=horizon)
