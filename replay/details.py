"""
Owns what the player's console, network and performance panels list: every request and file, every error and
note that the page made, every measurement of how fast it was, also those that are not worth a row among the events.

Pure functions over stored events; no I/O, no language. Times are server milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.model import Event, StoredBatch
from replay.timeline import FREEZE_MS, SLOW_PAGE_MS

Level = Literal["error", "warn"]

_PLACE = re.compile(r"[0-9]{1,9}")
"""A line or column: anybody can make up a stack, and larger numbers no reader of JSON takes."""

SHIFTED = 0.25
"""Layout shifts from here on are called poor by those who defined the measure (web.dev/cls)."""

MOST = 5_000
"""Rows of each list: what a page asks for in a loop must not stop the reader's browser."""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request, or one file that did not load. *status* None: it was not told; 0: it failed."""

    id: str
    at_ms: float
    tab: str
    kind: str
    method: str
    url: str
    status: int | None
    duration_ms: float | None
    size: int | None
    outcome: Literal["", "aborted", "blocked", "failed"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a script as the browser told it."""

    file: str
    line: int | None
    column: int | None


@dataclass(frozen=True, slots=True)
class LogRow:
    """One script error or note in the browser's console. *frames* are the places it came from."""

    id: str
    at_ms: float
    tab: str
    level: Level
    kind: Literal["error", "rejection", "console"]
    text: str  # "" where the site's options keep it back
    hash: str
    handled: bool
    first_party: bool
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class VitalRow:
    """What the browser measured once. *value*: milliseconds, of `cls` a number. *slow*: people feel it."""

    id: str
    at_ms: float
    kind: str
    value: float
    path: str
    label: str
    slow: bool


@dataclass(frozen=True, slots=True)
class Details:
    """The lists in order of time, and whether there was more than is listed."""

    requests: tuple[RequestRow, ...]
    logs: tuple[LogRow, ...]
    vitals: tuple[VitalRow, ...]
    cut: bool = False


def details(batches: Iterable[StoredBatch]) -> Details:
    """Return what panels list of *batches*."""
    events = sorted((e for batch in batches for e in batch.events), key=lambda e: float(e["ts"]))
    requests = [request_row(e) for e in events if e["type"] in ("request", "asset")]
    logs = [log_row(e) for e in events if e["type"] in ("error", "console")]
    vitals = [row for e in events if e["type"] == "vitals" and (row := vital_row(e)) is not None]
    cut = max(len(requests), len(logs), len(vitals)) > MOST
    return Details(tuple(requests[:MOST]), tuple(logs[:MOST]), tuple(vitals[:MOST]), cut)


def request_row(event: Event) -> RequestRow:
    """Return the row of a request, or of a file that did not load."""
    asset = event["type"] == "asset"
    status = event.get("status")
    return RequestRow(
        id=_id(event),
        at_ms=float(event["ts"]),
        tab=str(event["tab"]),
        kind=str(event.get("kind") or ""),
        method="GET" if asset else str(event.get("method") or ""),
        url=str(event.get("url") or ""),
        status=None if status is None else int(status),
        duration_ms=event.get("duration_ms"),
        size=event.get("size"),
        outcome=_outcome(event, asset=asset),
    )


def _outcome(event: Event, *, asset: bool) -> Literal["", "aborted", "blocked", "failed"]:
    if event.get("aborted"):
        return "aborted"
    if event.get("blocked"):
        return "blocked"
    status = event.get("status")
    return "failed" if asset or (status is not None and (status == 0 or status >= 400)) else ""


def log_row(event: Event) -> LogRow:
    """Return the row of a script error or of a note in the browser's console."""
    error = event["type"] == "error"
    warns = not error and event.get("level") == "warn"
    return LogRow(
        id=_id(event),
        at_ms=float(event["ts"]),
        tab=str(event["tab"]),
        level="warn" if warns else "error",
        kind=("rejection" if event.get("kind") == "rejection" else "error") if error else "console",
        text=str((event.get("message") if error else event.get("text")) or ""),
        hash=str(event.get("hash") or ""),
        handled=bool(event.get("handled")),
        first_party=bool(event.get("first_party", True)),
        frames=frames_of(event),
    )


_SLOW: dict[str, tuple[str, float]] = {
    "lcp": ("lcp_ms", SLOW_PAGE_MS),
    "inp": ("inp_ms", FREEZE_MS),
    "cls": ("cls", SHIFTED),
    "long_task": ("long_task_ms", FREEZE_MS),
    "route": ("route_ms", SLOW_PAGE_MS),
}
"""Of each kind of measurement the field that holds it, and from where on it is felt."""


def vital_row(event: Event) -> VitalRow | None:
    """Return the row of a measurement; None if there is none in it."""
    name, least = _SLOW.get(str(event.get("kind")), ("", 0.0))
    value = event.get(name)
    if not isinstance(value, int | float):
        return None
    label = (event.get("target") or {}).get("label")
    return VitalRow(
        id=_id(event),
        at_ms=float(event["ts"]),
        kind=str(event["kind"]),
        value=float(value),
        path=str(event.get("path") or ""),
        label=str(label or ""),
        slow=value >= least,
    )


def frames_of(event: Event) -> tuple[Frame, ...]:
    """Return the places of an error, the innermost first."""
    told: Sequence[Any] = event.get("stack") or ()
    frames = [frame for text in told if (frame := read_frame(str(text)))]
    if not event.get("file"):
        return tuple(frames)
    top = Frame(str(event["file"]), event.get("line"), event.get("column"))
    if frames and (frames[0].line, frames[0].column) == (top.line, top.column):
        return tuple(frames)  # the stack has the script's own name, marks of its content and all
    return (top, *frames)


def read_frame(text: str) -> Frame | None:
    """Return the place that *text* tells as file:line:column; None if it tells none."""
    file, _, rest = text.rpartition(":")
    file, _, line = file.rpartition(":")
    if not (file and _PLACE.fullmatch(line) and _PLACE.fullmatch(rest)):
        return None
    return Frame(file, int(line), int(rest))


def _id(event: Event) -> str:
    return f"{event['page_load']}:{event['i']}"
