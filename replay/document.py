"""
What stands for a session in the index by which it is found (core/search.py): its fields, and the texts in it.

Owns which facts of a session it is found by. They are facts that were recorded: masked in the browser, never what a visitor typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from core.model import Event, Flag, PageLoad, Session, StoredBatch
from core.search import BANDS, DURATIONS_S, PAGES, Document, bucket

MOST_VALUES = 100
"""Values of one field of one session: anybody can make up paths."""

MOST_TEXTS, TEXT_MAX = 300, 200
"""Texts of one session, and the characters of one; a usual visit has some thirty."""

_ATTRIBUTES = ("device", "browser", "os", "language", "release", "campaign", "segment")

Test = Callable[[Event], bool]

DID: dict[str, tuple[str, Test]] = {
    "error": ("error", lambda e: not e.get("handled")),
    "failed_request": ("request", lambda e: _failed(e)),
    "slow_request": ("request", lambda e: float(e.get("duration_ms") or 0) >= SLOW_MS),
    "console_error": ("console", lambda e: e.get("level") == "error"),
    "missing_file": ("asset", lambda _: True),
    "error_message": ("message", lambda e: e.get("severity") == "error"),
    "press": ("click", lambda _: True),
    "typed": ("field", lambda e: bool(e.get("changed") or e.get("keys"))),
    "form_sent": ("form", lambda e: e.get("outcome") in ("navigated", "accepted")),
    "form_refused": ("form", lambda e: e.get("outcome") == "refused"),
    "copied": ("copy", lambda e: e.get("kind") in ("copy", "cut")),
    "pasted": ("copy", lambda e: e.get("kind") == "paste"),
    "zoomed": ("gesture", lambda e: e.get("kind") == "pinch"),
    "rotated": ("gesture", lambda e: e.get("kind") == "rotate"),
    "reloaded": ("page", lambda e: e.get("nav") == "reload"),
    "went_back": ("page", lambda e: e.get("nav") in ("back_forward", "bfcache")),
}
"""What happened in a session: by its name the type of an event, and whether one of those is it."""

TRACKED = "track:"
"""Before the name that a site gives to `stolper('track', ...)`, which is a thing that was done, too."""

SLOW_MS = 3_000
"""From here on somebody waits for a request."""

_TEXTS = ("path", "title", "message", "text", "words", "name", "form", "field", "file", "href_path")
"""Fields of events, and facts of documents, that are texts."""


def document_of(
    session: Session,
    batches: Sequence[StoredBatch],
    loads: Sequence[PageLoad],
    flags: Sequence[Flag],
    *,
    again_ms: int | None = None,
) -> Document:
    """Return what *session* is found by; *again_ms* as in Document."""
    events = [event for batch in batches for event in batch.events]
    terms = list(dict.fromkeys(_terms(session, events)))
    return Document(
        session.id,
        session.site,
        session.started_ms,
        -1 if session.score is None else session.score,
        tuple(_bounded(terms)),
        "\n".join(_texts(session, events, loads, flags)),
        again_ms,
    )


def _terms(session: Session, events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    for name in _ATTRIBUTES:
        if value := session.attributes.get(name):
            yield name, str(value)
    if session.entry_path:
        yield "entry", session.entry_path
    if session.last_path:
        yield "exit", session.last_path
    yield "duration", bucket((session.last_ms - session.started_ms) / 1000, DURATIONS_S)
    yield "pages", bucket(session.pages, PAGES)
    for band, least in BANDS.items():
        if session.score is not None and session.score >= least:
            yield "score", band
    for rule in session.rules:
        yield "rule", rule
    for name in _has(session):
        yield "has", name
    for event in events:
        if event["type"] == "page" and event.get("path"):
            yield "page", event["path"]
        elif event["type"] == "custom" and event.get("name"):
            yield "did", f"{TRACKED}{event['name']}"
        for name, (type_, is_it) in DID.items():
            if event["type"] == type_ and is_it(event):
                yield "did", name


def _has(session: Session) -> Iterator[str]:
    if session.flags:
        yield "struggle"
    if not session.complete:
        yield "gaps"
    if session.identity:
        yield "identity"
    for name in ("imported", "bot"):
        if session.attributes.get(name):
            yield name


def _failed(event: Event) -> bool:
    """Say whether a request failed, other than by the page's or the browser's own will."""
    status = event.get("status")
    return (
        status is not None
        and (status == 0 or status >= 400)
        and not event.get("aborted")
        and not event.get("blocked")
    )


def _bounded(terms: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Give *terms*, of each field as many as count, none longer than a text."""
    seen: dict[str, int] = {}
    for name, value in terms:
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= MOST_VALUES:
            yield name, value[:TEXT_MAX]


def _texts(
    session: Session,
    events: Iterable[Event],
    loads: Iterable[PageLoad],
    flags: Iterable[Flag],
) -> list[str]:
    """Return the texts of a session, each once, in the order in which they came."""
    found: dict[str, None] = {}
    for text in _all_texts(session, events, loads, flags):
        plain = " ".join(text.split())[:TEXT_MAX]
        if plain and plain not in found:
            found[plain] = None
            if len(found) == MOST_TEXTS:
                break
    return [*found]


def _all_texts(
    session: Session,
    events: Iterable[Event],
    loads: Iterable[PageLoad],
    flags: Iterable[Flag],
) -> Iterator[str]:
    for flag in flags:
        yield flag.rule
        yield from flag.title.values()
        yield from _target(flag.target)
    for load in loads:
        yield from _strings(load.page, _TEXTS)
    for event in events:
        yield from _strings(event, _TEXTS)
        yield from _target(event.get("target"))
        if (
            event["type"] == "request" and (_failed(event) or event.get("click") is not None)
        ) or event["type"] == "asset":
            yield str(event.get("url") or "")
        elif event["type"] == "custom":
            yield from _strings(event.get("props") or {}, None)
    yield from _strings(session.attributes, _ATTRIBUTES)


def _target(target: Any) -> Iterator[str]:
    if target:
        yield from _strings(target, ("label", "key"))


def _strings(values: dict[str, Any], names: Iterable[str] | None) -> Iterator[str]:
    """Give those of *values* that are texts, of all *names* if none are told."""
    for name in values if names is None else names:
        if isinstance(value := values.get(name), str):
            yield value
