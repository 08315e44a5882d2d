"""
What a visitor did, as steps that can be done again, up to the last event that a flag rests on.

Pure: events, recordings and a flag in, steps out. What they look like as Python is script.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from core.model import Event, Flag
from replay.recording import LoadRecording
from replay.reproduction.inputs import Typed, typed_in

Kind = Literal[
    "open", "arrive", "reload", "back", "tab", "press", "type", "choose", "upload", "enter", "keys",
    "scroll", "swipe", "shake", "copy", "resize",
]  # fmt: skip

BURST_MS = 1_500
"""Presses of one thing that follow one another faster are one step: their rhythm is what counts."""

LED_ON_MS = 20_000
"""A page that comes within this after a press or Enter is taken to be what that led to."""

CANNOT = {
    "visibility": "changing to another tab or window and back",
    "gesture": "zooming with two fingers, or turning the device",
}
"""Evidence that no step can bring about, by the type of its events."""


@dataclass(slots=True)
class Step:
    """
    One thing to do. Times are server time, milliseconds; *until_ms* is when it was done.

    *facts* are what its kind needs. *matters*: the flag rests on an event of it.
    """

    kind: Kind
    at_ms: float
    until_ms: float
    tab: str
    path: str
    target: Mapping[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    matters: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that failed, or a page or file that was not there: `--stub` answers it so again."""

    method: str
    url: str
    status: int  # 0: no answer
    duration_ms: float
    kind: str


@dataclass(frozen=True, slots=True)
class Visit:
    """The steps up to a flag, what failed meanwhile, and how long the visitor stayed after the last."""

    steps: tuple[Step, ...]
    failed: tuple[Failed, ...]
    linger_ms: float
    touch: bool
    width: int
    height: int
    cannot: tuple[str, ...]


def visit_of(events: Sequence[Event], recordings: Sequence[LoadRecording], flag: Flag) -> Visit:
    """Return what leads to *flag*, from all *events* and *recordings* of its session."""
    ordered = sorted(events, key=lambda event: float(event["ts"]))
    to_the_end = any(one.type in ("session_end", "leave") for one in flag.evidence)
    last = ordered[-1]["ts"] if ordered else flag.until_ms
    until = last if to_the_end else _last_proof(flag, ordered)
    within = [event for event in ordered if float(event["ts"]) <= until]
    steps = _steps(within, recordings, until, flag)
    _mark(steps, flag, ordered)
    linger = max(0.0, (last if to_the_end else flag.at_ms) - (steps[-1].until_ms if steps else 0))
    first = next((event for event in ordered if event["type"] == "page" and event.get("width")), {})
    return Visit(
        steps=tuple(steps),
        failed=tuple(_failed(within)),
        linger_ms=linger,
        touch=any(event.get("pointer") == "touch" for event in ordered),
        width=int(first.get("width") or 1280),
        height=int(first.get("height") or 800),
        cannot=tuple(dict.fromkeys(_cannot(flag, ordered))),
    )


def _last_proof(flag: Flag, events: Sequence[Event]) -> float:
    """Return when the last of what the flag rests on was done: events are told when they end."""
    ids = {one.event for one in flag.evidence}
    times = [float(event["ts"]) for event in events if _id(event) in ids]
    return max([*times, flag.until_ms])


def _mark(steps: Sequence[Step], flag: Flag, events: Sequence[Event]) -> None:
    """Mark what *flag* rests on: the step of an event, else the last one before it."""
    ids = {one.event for one in flag.evidence}
    told: set[str] = set()
    for step in steps:
        own = set(step.facts.pop("events", ()))
        step.matters = bool(ids & own)
        told |= own
    for event in events:
        if _id(event) in ids - told:
            before = [step for step in steps if step.at_ms <= float(event["ts"])]
            if before:
                before[-1].matters = True
    # A mended link leads elsewhere: that it was pressed is what counts.
    for led, step in pairwise(steps):
        led.matters |= step.kind == "arrive" and step.matters and led.kind in ("press", "enter")
    # A mended page may answer the first press of what took several before: then that one counts.
    pressed = {_key_of(step) for step in steps if step.matters and step.kind == "press"}
    for step in steps:
        step.matters |= step.kind == "press" and _key_of(step) in pressed - {None}


def _key_of(step: Step) -> str | None:
    return (step.target or {}).get("key")


def _cannot(flag: Flag, events: Sequence[Event]) -> Iterable[str]:
    ids = {one.event for one in flag.evidence}
    for event in events:
        if _id(event) in ids and event["type"] in CANNOT and event.get("kind") != "swipe":
            yield str(event["type"])


def _id(event: Event) -> str:
    return f"{event['page_load']}:{event['i']}"


def _steps(
    events: Sequence[Event], recordings: Sequence[LoadRecording], until: float, flag: Flag
) -> list[Step]:
    types = {one.type for one in flag.evidence}
    steps = [step for event in events if (step := _step_of(event, types)) is not None]
    for read in recordings:
        own = [event for event in events if event["page_load"] == read.page_load]
        steps += _typing(read, own, until)
    steps.sort(key=lambda step: step.at_ms)
    steps = [step for step in steps if not _is_answered_by_choice(step)]
    return _bursts(_navigations(_with_tabs(steps)))


def _step_of(event: Event, types: set[str]) -> Step | None:
    """Return the step that *event* tells of; None if it tells of none, or of one told otherwise."""
    made = _MAKERS.get(str(event["type"]))
    step = made(event, types) if made is not None else None
    if step is not None:
        step.facts["events"] = [_id(event)]
    return step


def _new(kind: Kind, event: Event, **facts: Any) -> Step:
    at, target = float(event["ts"]), event.get("target")
    return Step(
        kind,
        at,
        at,
        str(event["tab"]),
        str(event.get("path") or "/"),
        target if isinstance(target, dict) else None,
        facts,
    )


def _page(event: Event, _: set[str]) -> Step | None:
    kinds: dict[str, Kind] = {"reload": "reload", "back_forward": "back", "bfcache": "back"}
    return _new(
        kinds.get(str(event.get("nav")), "open"),
        event,
        nav=event.get("nav"),
        referrer=event.get("referrer"),
        query=event.get("query") or {},
    )


def _click(event: Event, _: set[str]) -> Step | None:
    if not event.get("trusted"):
        return None
    facts = {
        name: event[name]
        for name in ("offset_x", "offset_y", "page_x", "page_y", "pointer", "href")
        if name in event
    }
    return _new("press", event, **facts, times=[0.0], hold_ms=event.get("hold_ms") or 60)


def _form(event: Event, _: set[str]) -> Step | None:
    return _new("enter", event) if event.get("how") == "enter" else None


def _key(event: Event, types: set[str]) -> Step | None:
    if "key" not in types:
        return None
    facts = {"class": event.get("class"), "count": event.get("count") or 2}
    step = _new("keys", event, **facts, span_ms=event.get("span_ms") or 0)
    step.until_ms += float(event.get("span_ms") or 0)
    return step


def _scroll(event: Event, types: set[str]) -> Step | None:
    if "scroll" not in types or event.get("programmatic") or event.get("target"):
        return None
    px = float(event.get("px") or 0)
    return _new("scroll", event, px=px if event.get("direction") == "down" else -px)


def _gesture(event: Event, _: set[str]) -> Step | None:
    if event.get("kind") != "swipe":
        return None
    return _new("swipe", event, dx=event.get("dx") or 0, dy=event.get("dy") or 0)


def _cursor(event: Event, types: set[str]) -> Step | None:
    if "cursor" not in types or event.get("kind") != "shake":
        return None
    return _new("shake", event, duration_ms=event.get("duration_ms") or 1500)


def _copy(event: Event, types: set[str]) -> Step | None:
    return _new("copy", event) if "copy" in types and event.get("kind") == "copy" else None


_MAKERS = {
    "page": _page,
    "click": _click,
    "form": _form,
    "key": _key,
    "scroll": _scroll,
    "gesture": _gesture,
    "cursor": _cursor,
    "copy": _copy,
}


def _typing(read: LoadRecording, events: Sequence[Event], until: float) -> list[Step]:
    kinds: dict[str, Kind] = {"select": "choose", "file": "upload"}
    path = str(events[-1].get("path") or "/") if events else "/"
    return [
        Step(
            kinds.get(one.kind, "type"),
            one.at_ms,
            one.until_ms,
            read.tab,
            _path_at(events, one.at_ms, path),
            one.target,
            {"typed": one, "events": _told_of(one, events)},
        )
        for one in typed_in(read.events, events)
        if one.at_ms <= until
    ]


def _told_of(one: Typed, events: Sequence[Event]) -> list[str]:
    """Return the events that tell of the field since: what was typed is what they rest on."""
    return [
        _id(event)
        for event in events
        if event["type"] in ("field", "request")
        and (event["target"].get("key") == one.target.get("key") if event["type"] == "field" else
             event.get("since_input_ms") is not None)
        and float(event["ts"]) >= one.at_ms
    ]  # fmt: skip


def _path_at(events: Sequence[Event], at_ms: float, otherwise: str) -> str:
    before = [event for event in events if float(event["ts"]) <= at_ms and event.get("path")]
    return str(before[-1]["path"]) if before else otherwise


def _is_answered_by_choice(step: Step) -> bool:
    """Say whether *step* only opens a list of options: choosing one needs no press."""
    return step.kind == "press" and step.target is not None and step.target.get("tag") == "select"


def _with_tabs(steps: list[Step]) -> list[Step]:
    """Put a step before each that is in another tab than the one before."""
    made: list[Step] = []
    for step in steps:
        if made and made[-1].tab != step.tab:
            made.append(Step("tab", step.at_ms, step.at_ms, step.tab, step.path))
        made.append(step)
    return made


def _navigations(steps: list[Step]) -> list[Step]:
    """Tell pages that a press or Enter led to from those that were opened by themselves."""
    led: Step | None = None
    for step in steps:
        if step.kind in ("press", "enter", "choose"):
            led = step
        elif step.kind == "open":
            own = step.facts.get("referrer") == "same" or step.facts.get("nav") == "route"
            if own and led is not None and step.at_ms - led.until_ms <= LED_ON_MS:
                step.kind = "arrive"
            led = None if step.facts.get("nav") != "route" else led
    return steps


def _bursts(steps: list[Step]) -> list[Step]:
    """Make one step of presses of the same thing that follow one another fast."""
    made: list[Step] = []
    for step in steps:
        last = made[-1] if made else None
        if last is not None and _same_press(last, step) and step.at_ms - last.until_ms <= BURST_MS:
            last.facts["times"].append(step.at_ms - last.at_ms)
            last.facts["events"] += step.facts["events"]
            last.until_ms = step.at_ms
        else:
            made.append(step)
    return made


def _same_press(last: Step, step: Step) -> bool:
    if last.kind != "press" or step.kind != "press" or not last.target or not step.target:
        return False
    return bool(last.target.get("key") == step.target.get("key"))


def _failed(events: Iterable[Event]) -> Iterable[Failed]:
    """Give what failed, each once."""
    done: set[tuple[str, str, int]] = set()
    for event in events:
        one = _failure(event)
        if one is not None and (one.method, one.url, one.status) not in done:
            done.add((one.method, one.url, one.status))
            yield one


def _failure(event: Event) -> Failed | None:
    status = event.get("status")
    if event["type"] == "request" and not event.get("aborted") and not event.get("blocked"):
        if isinstance(status, int) and (status == 0 or status >= 400):
            took = float(event.get("duration_ms") or 0)
            return Failed(
                str(event.get("method") or "GET"), str(event["url"]), status, took, "request"
            )
    elif event["type"] == "page" and isinstance(status, int) and status >= 400:
        return Failed("GET", str(event.get("path") or "/"), status, 0, "page")
    elif event["type"] == "asset" and event.get("url"):
        return Failed("GET", str(event["url"]), 404, 0, "asset")
    return None
