"""
Owns the news inside one process: what was stored, judged or ended, told to open pages.

News say which session changed, never what: whoever hears it asks the store. So a slow
page costs nothing, since news of one session that it has not taken yet are one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from core.model import Session, StoredBatch, Verdicts

Kind = Literal["stored", "flags", "ended"]

MAX_PENDING = 500
"""Sessions a slow page may lag behind by; then it is told to load everything again."""


@dataclass(frozen=True, slots=True)
class News:
    """What changed. *everything* means that more changed than is worth telling apart."""

    sessions: dict[str, set[Kind]]
    everything: bool = False


@dataclass(slots=True)
class Listener:
    """One open page. Takes news by `take()`; which may wait."""

    session: str | None  # None hears of all sessions
    follow: bool  # watches the recording as it grows
    _pending: dict[str, set[Kind]] = field(default_factory=dict)
    _everything: bool = False
    _closed: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, session: str, kind: Kind) -> None:
        """Note that *session* changed, if this page wants to know."""
        if self.session not in (None, session) or self._everything:
            return
        self._pending.setdefault(session, set()).add(kind)
        if len(self._pending) > MAX_PENDING:
            self._pending.clear()
            self._everything = True
        self._ready.set()

    def close(self) -> None:
        """Wake the page for the last time."""
        self._closed = True
        self._ready.set()

    async def take(self, timeout_s: float) -> News | None:
        """Return what changed since the last call; empty after *timeout_s*, None when closed."""
        try:
            await asyncio.wait_for(self._ready.wait(), timeout_s)
        except TimeoutError:
            return News({})
        if self._closed:
            return None
        self._ready.clear()
        news = News(dict(self._pending), self._everything)
        self._pending.clear()
        self._everything = False
        return news


class Live:
    """The bus. Its methods never block and never raise; call them on the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._closed = False

    def batch_stored(self, batch: StoredBatch) -> None:
        """Tell that *batch* is stored."""
        self._tell(batch.session, "stored")

    def verdicts(self, verdicts: Verdicts) -> None:
        """Tell that a session was judged, if that came to anything."""
        if verdicts.flags or verdicts.replace:
            self._tell(verdicts.session, "flags")

    def session_ended(self, session: Session) -> None:
        """Tell that *session* ended."""
        self._tell(session.id, "ended")

    def erased(self, session: str) -> None:
        """Tell that *session* is there no more: open lists load again."""
        self._tell(session, "ended")

    def watched(self, session: str) -> bool:
        """Return whether somebody follows *session* now, so that its page should send often."""
        return any(one.follow and one.session == session for one in self._listeners)

    @contextmanager
    def listen(self, session: str | None = None, *, follow: bool = False) -> Iterator[Listener]:
        """Hear news of *session*, or of all, while the context lasts."""
        listener = Listener(session, follow and session is not None)
        if self._closed:
            listener.close()
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)

    def close(self) -> None:
        """Let all pages go: the server stops."""
        self._closed = True
        for listener in self._listeners:
            listener.close()

    def _tell(self, session: str, kind: Kind) -> None:
        for listener in self._listeners:
            listener.tell(session, kind)
