"""
Writes a session's events down for spreadsheets and programs: CSV with a sentence a row, JSON with all.

What was masked is masked in here, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime

from core.model import Event
from core.spreadsheet import csv_of
from replay.clip import cut_timeline
from replay.known import Known

COLUMNS = (
    "at", "offset_s", "event", "type", "tab", "path", "element", "element_key", "what", "detail",
    "facts",
)  # fmt: skip

_TOLD = frozenset({"i", "t", "ts", "type", "page_load", "tab", "view", "path", "target"})

Words = Callable[[Event], tuple[str, str]]
"""From an event to what happened, in words, and a detail; both may be empty."""


def events_csv(known: Known, words: Words) -> bytes:
    """Return the events as CSV, an event a row."""
    return csv_of(COLUMNS, _rows(known, words))


def _rows(known: Known, words: Words) -> Iterator[tuple[object, ...]]:
    tabs = {tab.id: tab.number for tab in known.timeline.tabs}
    for event in known.events:
        target = event.get("target") or {}
        what, detail = words(event)
        facts = {name: value for name, value in event.items() if name not in _TOLD}
        yield (
            iso(event["ts"]),
            f"{(float(event['ts']) - known.timeline.start_ms) / 1000:.3f}",
            event_id(event),
            event["type"],
            tabs.get(event["tab"], ""),
            event.get("path") or "",
            target.get("label") or "",
            target.get("key") or "",
            what,
            detail,
            json.dumps(facts, ensure_ascii=False, sort_keys=True),
        )


def events_json(known: Known) -> bytes:
    """Return session, events, flags, gaps and notes as one JSON object; not who the visitor was."""
    session = known.session
    timeline = cut_timeline(replace(known.timeline, gaps=known.gaps), known.from_ms, known.until_ms)
    told = {
        "session": {
            "id": session.id,
            "site": session.site_name,
            "started_at": iso(known.timeline.start_ms),
            "from": iso(known.from_ms),
            "until": iso(known.until_ms),
            "whole": known.whole,
            "attributes": session.attributes,
            "score": session.score if known.whole else None,
            "end_kind": session.end_kind if known.whole else None,
        },
        "pages": [
            {"at": iso(view.at_ms), "tab": view.tab, "path": view.path, "nav": view.nav}
            for view in timeline.views
        ],
        "events": [{"id": event_id(e), "at": iso(e["ts"]), **e} for e in known.events],
        "flags": [asdict(flag) for flag in known.flags],
        "gaps": [asdict(gap) for gap in timeline.gaps],
        "notes": [
            {"at": iso(note.at_ms), "author": note.author, "text": note.text}
            for note in known.notes
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"


def event_id(event: Event) -> str:
    """Return the id by which flags name *event*."""
    return f"{event['page_load']}:{event['i']}"


def iso(at_ms: float) -> str:
    """Return *at_ms* as ISO 8601 in UTC with milliseconds."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
