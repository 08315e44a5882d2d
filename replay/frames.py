"""
Owns which frames of other origins in a recorded page are recorded themselves, and where.

A frame's recording is a session of its own; the page's snippet tells of the link by an event. Leaves
reading both recordings to replay/recording.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from core.model import Event, Session
from core.store import Store

MOST_LINKS = 1_000
"""Links of one document that are told; each of its frames has a few."""

_ID = re.compile(r"[A-Za-z0-9_-]{16,36}")


@dataclass(frozen=True, slots=True)
class FrameLink:
    """From *at_ms* (server time) on, the element *node* of a page shows *page_load* of *session*."""

    at_ms: float
    node: int
    session: str
    page_load: str
    origin: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "at": self.at_ms,
            "node": self.node,
            "session": self.session,
            "page_load": self.page_load,
            "origin": self.origin,
        }


async def frame_links(store: Store, session: str, page_load: str) -> list[FrameLink]:
    """Return the frames that are linked into the document *page_load* of *session*, by time."""
    links = [
        _link(event) for event in await _told(store, session) if event["page_load"] == page_load
    ]
    return sorted((link for link in links if link), key=lambda link: link.at_ms)[:MOST_LINKS]


async def framed(store: Store, around: Session, session: str, page_load: str) -> bool:
    """
    Say whether *page_load* of *session* is linked into a document of the session *around*.

    Both must be of one site: a page cannot make another site's recordings appear in its own.
    """
    links = [_link(event) for event in await _told(store, around.id)]
    if not any(link and (link.session, link.page_load) == (session, page_load) for link in links):
        return False
    inner = await store.session(session)
    return inner is not None and inner.site == around.site


async def _told(store: Store, session: str) -> list[Event]:
    return [
        event
        for batch in await store.batches(session)
        for event in batch.events
        if event["type"] == "frame"
    ]


def _link(event: Event) -> FrameLink | None:
    """Return what *event* tells; None if a part is none (it came from a stranger's browser)."""
    node, session, load = (event.get(name) for name in ("node", "frame_session", "frame_load"))
    if not (isinstance(node, int) and isinstance(session, str) and isinstance(load, str)):
        return None
    if not (_ID.fullmatch(session) and _ID.fullmatch(load)):
        return None  # the player makes an address of them
    return FrameLink(float(event["ts"]), node, session, load, str(event.get("origin") or ""))
