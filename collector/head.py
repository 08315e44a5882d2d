"""
Takes a batch's head apart: JSON from a stranger in, checked values out.

A head that is no head is refused; within one, what the schema does not know or what has
the wrong type is left out and counted, so that a newer snippet or a stray value never costs
the rest. Knows nothing of HTTP or the store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson

from collector.bounds import (
    HASH,
    ID,
    IDS,
    MAX_GAPS,
    MAX_HASHES,
    MAX_INDEX,
    MAX_ITEMS,
    MAX_T,
    MAX_TEXT,
    MOST_COMMAS,
    PLACE,
    SECRET,
    SESSION,
    VERSION,
    VISITOR,
    is_index,
    is_number,
    is_t,
)
from collector.scrub import scrubbed, suspicious
from collector.strict import Limits, Strict
from core.errors import Refused
from core.events import NUMBER_LIMIT, NUMERIC, Check, EventSchema, Field, checker, parse_type
from core.model import ChunkInfo, Event


@dataclass(slots=True)
class Head:
    """A checked head. *dropped* and *masked* count what was left out and what was scrubbed."""

    session: str
    secret: str
    page_load: str
    tab: str
    seq: int
    events: list[Event]
    void: tuple[int, ...]
    chunk: dict[str, Any] | None
    gaps: tuple[dict[str, Any], ...]
    attributes: dict[str, Any]
    page: dict[str, Any] | None
    visitor: str | None
    identity: tuple[str, str | None] | None  # id as given, signature
    assets: tuple[str, ...] = ()  # hashes that the chunk names in place of contents
    sheets: tuple[str, ...] = ()  # hashes of style texts that it holds in full
    last: bool = False
    version: str = ""  # of the snippet
    own_errors: dict[str, int] = field(default_factory=dict)  # new ones, by place in the snippet
    dropped: dict[str, int] = field(default_factory=dict)
    masked: int = 0

    def chunk_info(self, chunk: bytes, encoding: int) -> ChunkInfo | None:
        """Return what the head says of *chunk*. Raise Refused if the two do not fit."""
        if self.chunk is None or not chunk:
            if self.chunk is not None or chunk:
                _refuse("a batch has either both a chunk and its description, or neither")
            return None
        told = self.chunk
        count, first, last = told.get("count"), told.get("first_t"), told.get("last_t")
        if type(count) is not int or not 0 <= count <= MAX_INDEX:
            _refuse("chunk.count is no number of events")
        if not (is_t(first) and is_t(last)):
            _refuse("chunk.first_t and chunk.last_t are not times of the page load")
        return ChunkInfo(count, float(first), float(last), told.get("snapshot") is True, encoding)


class HeadReader:
    """Reads heads by one schema. Holds tables only; safe to share."""

    def __init__(self, schema: EventSchema, *, max_events: int) -> None:
        self._max_events = max_events
        sent = [f for f in schema.envelope.values() if f.by == "browser"]
        self._events = {
            event.name: _rules([*sent, *event.fields.values()])
            for event in schema.events.values()
            if event.by == "browser"
        }
        self._target = _rules(schema.target.values())
        limits = Limits(max_events, MAX_TEXT, MAX_ITEMS, MAX_GAPS, MAX_INDEX, MAX_T)
        self._strict = Strict(schema, limits)
        self._attributes = _rules(f for f in schema.session.values() if f.by == "browser")

    def read(self, raw: bytes) -> Head:
        """Return the checked head of JSON *raw*. Raise Refused if it is none."""
        head = _decoded(raw)
        return self._in_order(raw, head) or self._leniently(raw, head)

    def _in_order(self, raw: bytes, head: dict[str, Any]) -> Head | None:
        """
        Return what a head says that is in order and holds nothing to mask, as nearly all are.

        It is what _leniently() would return of it, at a third of the time: the values are
        checked by one call, and taken as they came.
        """
        session, secret = head.get("session"), head.get("secret")
        page_load, tab = head.get("page_load"), head.get("tab")
        if not (
            type(session) is type(secret) is type(page_load) is type(tab) is str
            and IDS.fullmatch(f"{session} {secret} {page_load} {tab}")
            and not _hides(raw, (session, secret, page_load, tab))
            and self._strict.holds(raw)
        ):
            return None
        targets, events = head.get("targets", ()), head.get("events", [])
        fields = self._strict.targets
        last, ordered = -1, True
        for event in events:
            for name in fields[event["type"]]:
                n = event.get(name)
                if n is not None:
                    if n >= len(targets):
                        return None
                    event[name] = targets[n]
            ordered = ordered and event["i"] > last
            last = event["i"]
        reading = _Reading(masking=False)
        gaps, page, snippet = head.get("gaps"), head.get("page"), head.get("snippet")
        assets = head.get("assets")
        return Head(
            session=session,
            secret=secret,
            page_load=page_load,
            tab=tab,
            seq=head["seq"],
            events=events if ordered else _by_index(events),
            void=tuple(head.get("void", ())),
            chunk=head.get("chunk"),
            gaps=tuple(map(reading.loose, gaps)) if gaps else (),
            attributes=head.get("attributes") or {},
            page=(reading.loose(page) or None) if page else None,
            visitor=_visitor(head),
            identity=_identity(head) if "identity" in head else None,
            assets=_hashes(assets, "used") if assets else (),
            sheets=_hashes(assets, "sent") if assets else (),
            last=head.get("last") is True,
            version=_version(snippet) if snippet else "",
            own_errors=_own_errors(snippet) if snippet else {},
        )

    def _leniently(self, raw: bytes, head: dict[str, Any]) -> Head:
        """Return what is sound of *head*, masked where *raw* may hold anything to mask."""
        reading = _Reading(masking=suspicious(raw))
        targets = [
            reading.fields(target, self._target) if type(target) is dict else {}
            for target in _list(head, "targets", self._max_events)
        ]
        void = [i for i in _list(head, "void", MAX_INDEX) if is_index(i)]
        events = self._read_events(head, targets, void, reading)
        assets, snippet = _object(head, "assets"), _object(head, "snippet")
        return Head(
            session=_id(head, "session", SESSION, "a UUIDv7 in lower case"),
            secret=_id(head, "secret", SECRET, "22 characters of base64url"),
            page_load=_id(head, "page_load", ID, "16 to 36 characters of A-Z a-z 0-9 _ -"),
            tab=_id(head, "tab", ID, "16 to 36 characters of A-Z a-z 0-9 _ -"),
            seq=_seq(head),
            events=events,
            void=tuple(void),
            chunk=_object(head, "chunk"),
            gaps=tuple(
                [reading.loose(gap) for gap in _list(head, "gaps", MAX_GAPS) if type(gap) is dict]
            ),
            attributes=reading.fields(_object(head, "attributes") or {}, self._attributes),
            page=reading.loose(_object(head, "page") or {}) or None,
            visitor=_visitor(head),
            identity=_identity(head),
            assets=_hashes(assets, "used"),
            sheets=_hashes(assets, "sent"),
            last=head.get("last") is True,
            version=_version(snippet),
            own_errors=_own_errors(snippet),
            dropped=reading.dropped,
            masked=reading.masked,
        )

    def _read_events(
        self, head: dict[str, Any], targets: list[Event], void: list[int], reading: _Reading
    ) -> list[Event]:
        """Return the events that the schema knows, by index; the indices of others go to *void*."""
        events: list[Event] = []
        last, ordered = -1, True
        for raw in _list(head, "events", self._max_events):
            i = raw.get("i") if type(raw) is dict else None
            if not is_index(i):
                reading.drop("events")
                continue
            rules = self._rules_of(raw.get("type"))
            if rules is None or not is_t(raw.get("t")):
                reading.drop("events")
                void.append(i)  # or judging would wait for it
                continue
            event = {"i": i, "t": raw["t"], "type": raw["type"]}
            reading.into(event, raw, rules, targets)
            events.append(event)
            ordered = ordered and i > last
            last = i
        return events if ordered else _by_index(events)

    def _rules_of(self, name: Any) -> _Rules | None:
        return self._events.get(name) if type(name) is str else None


def _by_index(events: list[Event]) -> list[Event]:
    """Return *events* in the order of their indices, the first of each index."""
    once = {event["i"]: event for event in reversed(events)}
    return [once[i] for i in sorted(once)]


def _hides(raw: bytes, ids: tuple[str, ...]) -> bool:
    """
    Say whether anything but *ids* in *raw* may have to be masked.

    One head in ten has ids that could be a card number or an IBAN, and most look like one.
    """
    for one in ids:
        raw = raw.replace(one.encode(), b"")
    return suspicious(raw)


_Rules = dict[str, tuple[str, Check]]  # field name to (kind, whether a value fits)


def _rules(fields: Iterable[Field]) -> _Rules:
    """Return what to ask of each field's value; it fits if it may be kept as it is."""
    rules: _Rules = {}
    for f in fields:
        kind = "enum" if f.type.kind == "enum" else str(f.type)
        if kind not in _FITS and kind not in ("enum", "target"):
            assert f.type.kind in _PLAIN, f"{f.name}: how is a {kind} bounded?"
        if kind == "target":
            rules[f.name] = (kind, _never)
        elif f.name not in _READ_APART:
            rules[f.name] = (kind, _FITS.get(kind) or checker(f.type))
    return rules


_READ_APART = {"i", "t", "type"}
_PLAIN = NUMERIC | {"bool"}
_TEXTS = {
    kind: parse_type(kind).accepts
    for kind in ("str", "list of str", "list of int", "list of map", "map")
}


def _never(_: Any) -> bool:
    return False


def _is_short(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_TEXT


def _are_short(value: Any) -> bool:
    if type(value) is not list or len(value) > MAX_ITEMS:
        return False
    for item in value:  # noqa: SIM110 -- a generator takes twice the time
        if type(item) is not str or len(item) > MAX_TEXT:
            return False
    return True


def _is_small(value: Any) -> bool:
    """Say whether *value* is a map that needs nothing done. Written for speed: no calls."""
    if type(value) is not dict or len(value) > MAX_ITEMS:
        return False
    for name, item in value.items():
        kind = type(item)
        if kind is str:
            if len(item) > MAX_TEXT:
                return False
        elif kind is int or kind is float:
            if not -NUMBER_LIMIT < item < NUMBER_LIMIT:
                return False
        elif kind is not bool and not _are_short(item):
            return False
        if len(name) > MAX_TEXT:
            return False
    return True


def _are_small(value: Any) -> bool:
    return type(value) is list and len(value) <= MAX_ITEMS and all(map(_is_small, value))


_FITS: dict[str, Check] = {
    "str": _is_short,
    "list of str": _are_short,
    "list of int": lambda v: len(v) <= MAX_ITEMS if _TEXTS["list of int"](v) else False,
    "map": _is_small,
    "list of map": _are_small,
}


def _rest(value: Any, kind: str) -> Any:
    """Return what is sound of *value*, which is not of its kind; None if nothing is."""
    if kind == "map" and type(value) is dict:
        return {name: item for name, item in value.items() if _TEXTS["map"]({name: item})}
    if kind == "list of map" and type(value) is list:
        return [_rest(item, "map") for item in value if type(item) is dict]
    return None


class _Reading:
    """What happens to the values of one head: counts and masking."""

    def __init__(self, *, masking: bool) -> None:
        self.masking = masking
        self.dropped: dict[str, int] = {}
        self.masked = 0

    def drop(self, what: str, count: int = 1) -> None:
        self.dropped[what] = self.dropped.get(what, 0) + count

    def fields(self, raw: dict[str, Any], rules: _Rules) -> dict[str, Any]:
        """Return the fields of *raw* that *rules* know."""
        known: dict[str, Any] = {}
        self.into(known, raw, rules, None)
        return known

    def into(
        self,
        known: dict[str, Any],
        raw: dict[str, Any],
        rules: _Rules,
        targets: list[Event] | None,
    ) -> None:
        """Put the fields of *raw* that *rules* know into *known*; this is the hot loop."""
        for name, value in raw.items():
            rule = rules.get(name)
            if rule is None:
                if name not in _READ_APART:
                    self.drop("fields")
                continue
            kind, fits = rule
            if fits(value) and not (self.masking and kind in _TEXTS):
                known[name] = value
            elif kind == "target":
                if targets is not None and type(value) is int and 0 <= value < len(targets):
                    known[name] = targets[value]
                else:
                    self.drop("fields")
            elif kind in _TEXTS:
                self.text_into(known, name, value, kind)
            else:
                self.drop("fields")

    def text_into(self, known: dict[str, Any], name: str, value: Any, kind: str) -> None:
        """Put what is sound of *value* into *known*, cut and scrubbed: the slow way."""
        if not _TEXTS[kind](value):
            self.drop("fields")
            value = _rest(value, kind)
        if value is not None:
            known[name] = self.bounded(value)

    def loose(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the numbers, booleans and texts of *raw*, which no schema describes."""
        return {
            self.text(name): self.bounded(value)
            for name, value in list(raw.items())[:MAX_ITEMS]
            if type(value) in (str, bool) or is_number(value)
        }

    def bounded(self, value: Any) -> Any:
        """Return *value* (a checked text, list or map) cut to size and scrubbed."""
        kind = type(value)
        if kind is str:
            return self.text(value) if self.masking or len(value) > MAX_TEXT else value
        if kind is list:
            return [self.bounded(item) for item in value[:MAX_ITEMS]]
        if kind is dict:
            items = list(value.items())[:MAX_ITEMS]
            return {self.text(name): self.bounded(item) for name, item in items}
        return value

    def text(self, text: str) -> str:
        """Return *text* cut and scrubbed."""
        text = text[:MAX_TEXT]
        # A session's id may hold 13 digits side by side, as a card number does.
        if self.masking and not SESSION.fullmatch(text):
            text, hits = scrubbed(text)
            self.masked += hits
        return text


def _decoded(raw: bytes) -> dict[str, Any]:
    if len(raw) > MOST_COMMAS and raw.count(b",") > MOST_COMMAS:
        raise Refused(413, "too_large", f"a head has at most {MOST_COMMAS} values")
    try:
        head = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # A text that the page cut in the middle of a character is no reason to lose a batch:
        # Python's reader takes the half, which then becomes a question mark.
        if b"\\ud" not in raw.lower():
            _refuse(f"the head is no JSON: {error}")
        try:
            text = json.dumps(json.loads(raw), ensure_ascii=False)
            head = orjson.loads(text.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            _refuse(f"the head is no JSON: {error}")
    if type(head) is not dict:
        _refuse("the head is no JSON object")
    return head


def _refuse(reason: str) -> NoReturn:
    raise Refused(400, "bad_head", reason)


def _id(head: dict[str, Any], name: str, form: re.Pattern[str], words: str) -> str:
    value = head.get(name)
    if type(value) is not str or not form.fullmatch(value):
        _refuse(f"{name} is not {words}")
    return value


def _seq(head: dict[str, Any]) -> int:
    seq = head.get("seq")
    if type(seq) is not int or not 0 <= seq <= MAX_INDEX:
        _refuse("seq is no number from 0")
    return seq


def _list(head: dict[str, Any], name: str, most: int) -> list[Any]:
    value = head.get(name)
    if value is None:
        return []
    if type(value) is not list:
        _refuse(f"{name} is no list")
    if len(value) > most:
        raise Refused(413, "too_large", f"{name} has {len(value)} items, at most {most} are taken")
    return value


def _object(head: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = head.get(name)
    if value is not None and type(value) is not dict:
        _refuse(f"{name} is no object")
    return value


def _visitor(head: dict[str, Any]) -> str | None:
    if head.get("visitor") is None:
        return None
    return _id(head, "visitor", VISITOR, "16 to 64 characters of A-Z a-z 0-9 _ -")


def _identity(head: dict[str, Any]) -> tuple[str, str | None] | None:
    identity = _object(head, "identity")
    given = identity.get("id") if identity else None
    if identity is None or type(given) is not str or not 0 < len(given) <= MAX_TEXT:
        return None
    if not given.strip() or not given.strip().isprintable():  # nobody, or no line of text
        return None
    signature = identity.get("signature")
    return given, signature if type(signature) is str and len(signature) <= MAX_TEXT else None


def _hashes(assets: dict[str, Any] | None, name: str) -> tuple[str, ...]:
    """Return the hashes that *assets* of a head lists under *name*, each once."""
    given = assets.get(name) if assets else None
    if type(given) is not list:
        return ()
    sound = (one for one in given[:MAX_HASHES] if type(one) is str and HASH.fullmatch(one))
    return tuple(dict.fromkeys(sound))


def _version(snippet: dict[str, Any] | None) -> str:
    version = snippet.get("version") if snippet else None
    return version if type(version) is str and VERSION.fullmatch(version) else ""


def _own_errors(snippet: dict[str, Any] | None) -> dict[str, int]:
    """Return how often the snippet failed since its last batch, by place."""
    told = snippet.get("failed") if snippet else None
    if type(told) is not dict:
        return {}
    return {
        place: count
        for place, count in list(told.items())[:MAX_ITEMS]
        if PLACE.fullmatch(place) and type(count) is int and 0 < count <= MAX_INDEX
    }
