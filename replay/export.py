"""
Tells a session as one list of rrweb events, which any player of rrweb plays.

A recording has a document per page load, some at the same time; rrweb's player has one picture. So
the list shows the document that the visitor is at, and tells a document that is come back to anew.
What Stolper knows beside the picture goes along in custom events, which other players leave alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.model import Event, PageLoad, Session
from replay import deep
from replay.clip import cut, in_view
from replay.ids import put_ids_back
from replay.keyframe import keyframe
from replay.known import WHOLE, Known, KnownStore, Span, known_of
from replay.mirror import CUSTOM, Mirror, MirrorFull
from replay.recording import LoadRecording, recordings
from replay.shape import FULL_SNAPSHOT, INCREMENTAL, META, is_interaction

Data = dict[str, Any]

SESSION, DOCUMENT, FACT, GAP = "stolper.session", "stolper.page", "stolper.event", "stolper.gap"
"""Tags of custom events: what is known of the session, which document follows, an event, a gap."""

VERSION = 1
"""Of what these tags hold; `stolper import` reads it."""

_MADE_LATER = ("ts", "page_load", "tab")


async def rrweb_events(
    store: KnownStore, session: str, *, facts: bool = True, span: Span = WHOLE
) -> AsyncIterator[Data]:
    """
    Give *session*, or a *span* of it, as rrweb events in order of time, `timestamp` in whole Unix milliseconds.

    With *facts* Stolper's own events and what is known of the session are among them. Nothing is given
    of a session that there is none of.
    """
    found = await store.session(session)
    if found is None:
        return
    known = await known_of(store, found, span)
    events: dict[str, list[Event]] = {}
    if facts:
        begin = found.started_ms if known.whole else known.from_ms
        loads = [one for one in await store.page_loads(session) if one.id in _seen(known)]
        yield _custom(begin, SESSION, _about(found, loads))
        for event in known.events:
            events.setdefault(event["page_load"], []).append(event)
    group: list[LoadRecording] = []
    async for read in _in_span(store, known):
        begin = min(_times(read, events), default=read.origin_ms)
        if group and begin > max(at for one in group for at in _times(one, events)):
            for told in await asyncio.to_thread(_told, group, events, facts=facts):
                yield told
            group = []
        if read.events or read.page_load in events:
            group.append(read)
    for told in await asyncio.to_thread(_told, group, events, facts=facts):
        yield told


async def _in_span(store: KnownStore, known: Known) -> AsyncIterator[LoadRecording]:
    """Give the recordings of the documents in the span, without what is outside of it."""
    seen = _seen(known)
    async for read in recordings(store, known.session.id):
        if known.whole:
            yield read
        elif read.page_load in seen:
            yield await asyncio.to_thread(cut, read, known.from_ms, known.until_ms)


def _seen(known: Known) -> set[str]:
    """Return the documents that are to be seen in the span."""
    first, last = known.from_ms, known.until_ms
    return {load.id for load in known.timeline.loads if in_view(load, first, last)}


def _about(session: Session, loads: Sequence[PageLoad]) -> Data:
    """Return what an import needs to know of *session*: not who that was."""
    return {
        "version": VERSION,
        "session": session.id,
        "site": session.site_name,
        "attributes": session.attributes,
        "ended": session.end_kind,
        "loads": [
            {"load": one.id, "tab": one.tab, "origin": one.origin_ms, "page": one.page}
            for one in loads
        ],
    }


def _times(read: LoadRecording, events: dict[str, list[Event]]) -> list[float]:
    """Return first and last moment of a document; nothing if there is nothing of it."""
    times = [float(event["ts"]) for event in events.get(read.page_load, ())]
    if read.events:
        times += [read.events[0]["timestamp"], read.events[-1]["timestamp"]]
    return [min(times), max(times)] if times else []


@dataclass(slots=True)
class _Document:
    """A document of the recording, as far as it has been told."""

    read: LoadRecording
    mirror: Mirror = field(default_factory=Mirror)
    begun: bool = False
    lost: bool = False  # more than a mirror holds: it is not told anew


def _told(
    group: Sequence[LoadRecording], events: dict[str, list[Event]], *, facts: bool
) -> list[Data]:
    """Return the documents of *group*, which overlap in time, as one picture."""
    made = list(_picture([_Document(read) for read in group], facts=facts))
    if facts:
        made += (
            _custom(event["ts"], FACT, _fact(event))
            for read in group
            for event in events.get(read.page_load, ())
        )
        made += (_custom(gap.at_ms, GAP, gap.as_dict()) for read in group for gap in read.gaps)
    for event in made:
        event["timestamp"] = round(event["timestamp"])
    made.sort(key=lambda event: int(event["timestamp"]))  # stable
    return made


def _fact(event: Event) -> Data:
    plain = {name: value for name, value in event.items() if name not in _MADE_LATER}
    return {"load": event["page_load"], "tab": event["tab"], "event": plain}


def _picture(documents: list[_Document], *, facts: bool) -> Iterator[Data]:
    """Give the events of the document that the visitor is at, from moment to moment."""
    moments = [(one, event) for one in documents for event in one.read.events]
    moments.sort(key=lambda moment: float(moment[1]["timestamp"]))
    shown: _Document | None = None
    if len(documents) == 1 and facts and moments:
        yield _begins(documents[0], moments[0][1]["timestamp"])
    for one, event in moments:
        at = event["timestamp"]
        comes = event["type"] == FULL_SNAPSHOT and not one.begun
        comes_back = shown is not one and one.begun and not one.lost and is_interaction(event)
        if comes_back and len(documents) > 1:
            again = _anew(one, at)
            if again:
                shown = one
                yield from (_begins(one, at), *again) if facts else again
        if len(documents) > 1:
            _follow(one, event)
        if comes:
            shown, one.begun = one, True
            if len(documents) > 1:
                if facts:
                    yield _begins(one, at)
                if one.mirror.meta:
                    yield {"type": META, "data": dict(one.mirror.meta), "timestamp": at}
        if _is_told(event, one, shown, alone=len(documents) == 1):
            yield {**event}


def _is_told(event: Data, one: _Document, shown: _Document | None, *, alone: bool) -> bool:
    """Say whether *event* of *one* changes the picture. Before a page's snapshot nothing can be changed."""
    if one.begun:
        return shown is one
    return alone and event["type"] != INCREMENTAL


def _follow(one: _Document, event: Data) -> None:
    try:
        if not one.lost:
            one.mirror.apply(event)
    except MirrorFull:
        one.lost = True


def _anew(one: _Document, at: float) -> list[Data]:
    """Return the events that show *one* as it is at *at*; none if it cannot be told."""
    text = keyframe(one.mirror, at)
    if text is None:
        return []
    events: list[Data] = deep.loads(text)
    put_ids_back(events)
    return events


def _begins(one: _Document, at: float) -> Data:
    return _custom(at, DOCUMENT, {"load": one.read.page_load, "tab": one.read.tab})


def _custom(at: float, tag: str, payload: Data) -> Data:
    return {"type": CUSTOM, "data": {"tag": tag, "payload": payload}, "timestamp": round(at)}
