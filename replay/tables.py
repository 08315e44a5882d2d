"""
Writes a session's events down for spreadsheets and programs: CSV with a sentence a row, JSON with all.

What was masked is masked in here, too. A spreadsheet takes a text that begins with = + - @ for a
formula, and strangers write some of these texts: such a one gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from core.model import Event
from replay.clip import cut_timeline
from replay.known import Known

COLUMNS = (
    "at", "offset_s", "event", "type", "tab", "path", "element", "element_key", "what", "detail",
    "facts",
)  # fmt: skip

_TOLD = frozenset({"i", "t", "ts", "type", "page_load", "tab", "view", "path", "target"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Words = Callable[[Event], tuple[str, str]]
"""From an event to what happened, in words, and a detail; both may be empty."""


def events_csv(known: Known, words: Words) -> bytes:
    """Return the events as CSV, an event a row, in UTF-8 with the mark by which Excel knows it."""
    out = io.StringIO()
    writer = csv.writer(out)  # RFC 4180: commas, lines end with CR LF
    writer.writerow(COLUMNS)
    tabs = {tab.id: tab.number for tab in known.timeline.tabs}
    for event in known.events:
        target = event.get("target") or {}
        what, detail = words(event)
        facts = {name: value for name, value in event.items() if name not in _TOLD}
        row: Sequence[Any] = (
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
        writer.writerow([_plain(value) for value in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


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


def _plain(value: object) -> str:
    """Return *value* as a cell that no spreadsheet calculates."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
