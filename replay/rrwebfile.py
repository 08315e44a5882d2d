"""
Reads recordings that other tools wrote: bytes of a file in, rrweb events by document out.

What is wrong is said with the number of the event. Leaves to others what the events mean.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from replay import deep
from replay.derived.walk import Document
from replay.export import DOCUMENT, FACT, SESSION
from replay.ids import put_ids_back
from replay.moves import put_positions_back
from replay.shape import FULL_SNAPSHOT, META, check_event

Data = dict[str, Any]

MAX_BYTES = 256 * 1024 * 1024
"""Most bytes of a file once it is inflated."""

MAX_EVENTS = 1_000_000
CUSTOM = 5
LISTS = ("events", "snapshots", "rrweb", "recording", "data", "snapshot_data_by_window_id")
WINDOWS = ("windowId", "window_id", "$window_id")
LEAST_MS, MOST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2100


class RecordingError(ValueError):
    """A file is no recording that can be read. The text says where and why."""


@dataclass(slots=True)
class Recorded:
    """
    A recording by document, in order of begin.

    Of one that Stolper exported, *about* is what it said of the session, *loads* the id of each document
    (else ""), and *facts* the events of each, by that id.
    """

    documents: list[Document]
    loads: list[str]
    about: Data = field(default_factory=dict)
    facts: dict[str, list[Data]] = field(default_factory=dict)


def read(raw: bytes) -> Recorded:
    """Return the recording in *raw*. Raise RecordingError if there is none."""
    events = [_event(one, at) for at, one in enumerate(_listed(_values(_inflated(raw))))]
    if not events:
        raise RecordingError("there are no events in it")
    if len(events) > MAX_EVENTS:
        raise RecordingError(f"it has more than {MAX_EVENTS} events")
    _check(events)
    events.sort(key=lambda one: float(one[1]["timestamp"]))  # stable: rrweb's order stays
    recorded = _documents(events)
    if not any(one["type"] == FULL_SNAPSHOT for d in recorded.documents for one in d.events):
        raise RecordingError("there is no full snapshot (type 2) in it: no page can be shown")
    return recorded


def _inflated(raw: bytes) -> bytes:
    if raw[:2] != b"\x1f\x8b":
        plain = raw
    else:
        inflater = zlib.decompressobj(wbits=31)
        try:
            plain = inflater.decompress(raw, MAX_BYTES + 1)
        except zlib.error as error:
            raise RecordingError(f"it is no valid gzip: {error}") from None
        if not inflater.eof and len(plain) <= MAX_BYTES:
            raise RecordingError("its gzip is cut off")
    if len(plain) > MAX_BYTES:
        raise RecordingError(f"it has more than {MAX_BYTES // 1024 // 1024} MB")
    return plain.removeprefix(b"\xef\xbb\xbf")


def _values(plain: bytes) -> Any:
    """Return the JSON in *plain*: one value, or the values of its lines as a list."""
    if not plain.strip():
        raise RecordingError("it is empty")
    try:
        return deep.loads(plain)
    except ValueError as error:
        lines = [(n, one) for n, one in enumerate(plain.splitlines(), start=1) if one.strip()]
        reason = error
    values: list[Any] = []
    for number, line in lines if len(lines) > 1 else ():
        try:
            values.append(deep.loads(line))
        except ValueError as error:
            if not values:
                break  # it is not one value a line
            raise RecordingError(f"line {number} is no JSON: {error}") from None
    if not values:
        raise RecordingError(f"it is no JSON: {reason}")
    return values


def _listed(value: Any, window: str = "") -> Iterator[tuple[str, Any]]:
    """Give the events in *value* with the window each is of: lists, and objects that hold one."""
    if isinstance(value, list):
        is_pair = len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)
        if is_pair and "type" in value[1]:
            yield value[0], value[1]
            return
        for one in value:
            nested = isinstance(one, list) or (isinstance(one, dict) and _list_in(one))
            yield from _listed(one, window) if nested else [(window, one)]
        return
    if not isinstance(value, dict):
        raise RecordingError("it is neither a list of events nor an object that holds one")
    name = _list_in(value)
    own = next((str(value[one]) for one in WINDOWS if isinstance(value.get(one), str)), window)
    if name is None:
        if "type" in value:
            yield own, value
            return
        raise RecordingError(
            f"it is an object without a list of events; looked for {', '.join(LISTS)}"
        )
    if name == "snapshot_data_by_window_id":
        for id_, inner in value[name].items():
            yield from _listed(inner, str(id_))
    else:
        yield from _listed(value[name], own)


def _list_in(value: Data) -> str | None:
    """Return the key under which *value*, which is no event itself, holds events."""
    if "type" in value and "timestamp" in value:
        return None
    for name in LISTS:
        inner = value.get(name)
        if isinstance(inner, list) or (isinstance(inner, dict) and name in LISTS[3:]):
            return name
    return None


def _event(told: tuple[str, Any], at: int) -> tuple[str, Data]:
    """Return event number *at* and its window."""
    window, event = told
    if isinstance(event, str):  # as rrweb's packer writes it
        try:
            event = deep.loads(zlib.decompress(event.encode("latin-1")))
        except (ValueError, zlib.error, UnicodeEncodeError):
            raise RecordingError(f"event {at} is a text, not an object") from None
    if not isinstance(event, dict):
        raise RecordingError(f"event {at} is no object")
    if "cv" in event:
        raise RecordingError(f"event {at} is compressed by its tool (cv): export it uncompressed")
    own = next((str(event[one]) for one in WINDOWS if isinstance(event.get(one), str)), window)
    plain = {name: event[name] for name in ("type", "data", "timestamp") if name in event}
    return own, plain


def _check(events: list[tuple[str, Data]]) -> None:
    """Raise RecordingError for the first of *events* that cannot be played."""
    plain = [event for _, event in events]
    put_ids_back(plain)
    put_positions_back(plain)
    first = min(_time(event, at) for at, event in enumerate(plain))
    for at, event in enumerate(plain):
        reason = check_event({**event, "timestamp": event["timestamp"] - first})
        if reason is not None:
            raise RecordingError(f"event {at} (type {event.get('type')!r}) {reason}")


def _time(event: Data, at: int) -> float:
    """Return the time of *event*, number *at*."""
    time = event.get("timestamp")
    number = isinstance(time, int | float) and not isinstance(time, bool)
    if not number or not LEAST_MS <= float(time or 0) <= MOST_MS:
        told = str(time)[:40]
        raise RecordingError(f"event {at} has no timestamp in Unix milliseconds: {told}")
    return float(time or 0)


def _documents(events: list[tuple[str, Data]]) -> Recorded:
    """Tell the documents in *events* apart: by Stolper's marks, else by where ids begin anew."""
    marked = any(_tag(event) == DOCUMENT for _, event in events)
    found = Recorded([], [])
    open_: dict[str, _Open] = {}
    for window, event in events:
        tag = _tag(event)
        if tag == SESSION:
            found.about = _payload(event)
        elif tag == FACT:
            payload = _payload(event)
            if isinstance(payload.get("event"), dict):
                found.facts.setdefault(str(payload.get("load")), []).append(payload)
        elif tag == DOCUMENT:
            open_[window] = _at(found, _payload(event))
        else:
            if window not in open_ or (not marked and open_[window].ends_before(event)):
                held = open_[window].held if window in open_ else []
                open_[window] = _begin(found, window, "")
                open_[window].document.events.extend(held)
            open_[window].take(event)
    for one in open_.values():
        one.release()
    kept = [
        (document, load)
        for document, load in zip(found.documents, found.loads, strict=True)
        if document.events
    ]
    kept.sort(key=lambda pair: pair[0].begun)
    found.documents, found.loads = [one for one, _ in kept], [load for _, load in kept]
    return found


class _Open:
    """A document that events come to. *held* are beginnings of what may be the next one."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.held: list[Data] = []
        self._greatest = 0

    def ends_before(self, event: Data) -> bool:
        """Say whether *event* is a page's snapshot, or size, whose ids begin anew."""
        if event["type"] != FULL_SNAPSHOT or not self._greatest:
            return False
        return bool(event["data"]["node"]["id"] <= self._greatest)

    def take(self, event: Data) -> None:
        """Take *event*: what may belong to the next document waits until that is known."""
        kind = event["type"]
        if kind in (0, 1, META):
            self.held.append(event)
            return
        self.release()
        self.document.events.append(event)
        if kind == FULL_SNAPSHOT:
            self._greatest = max(self._greatest, int(event["data"]["node"]["id"]))

    def release(self) -> None:
        self.document.events.extend(self.held)
        self.held = []


def _begin(found: Recorded, tab: str, load: str) -> _Open:
    found.documents.append(Document(tab))
    found.loads.append(load)
    return _Open(found.documents[-1])


def _at(found: Recorded, payload: Data) -> _Open:
    """Return the document that a mark of ours names: one that was there before goes on."""
    load = str(payload.get("load"))
    if load in found.loads:
        return _Open(found.documents[found.loads.index(load)])
    return _begin(found, str(payload.get("tab")), load)


def _tag(event: Data) -> str | None:
    data = event.get("data")
    return data.get("tag") if event["type"] == CUSTOM and isinstance(data, dict) else None


def _payload(event: Data) -> Data:
    payload = event["data"].get("payload")
    return payload if isinstance(payload, dict) else {}
