"""
Makes stays in form fields, from focus to blur, of the events that tell of them. Pure.

Owns how events become stays: several may tell of one, and a page that goes and comes back cuts one in two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.form_use import OUTSIDE
from core.model import Event

SAME_MS = 5
"""Events that tell of a focus at the same moment tell of one stay: times are rounded on their way."""

AT_ONCE_MS = 20
"""Who is in the same field again so soon never left it: the page was shown again, or it is the next choice of a group."""

LONGEST_MS = 86_400_000.0
"""Of a stay; sessions are over much sooner."""

MOST_LETTERS = 120
"""Of a key; names of forms and fields are shorter."""

_MASKED = re.compile(r"[x\s]*")


@dataclass(slots=True)
class Stay:
    """
    One stay in a field, times in ms since 1970.

    *spent_ms* and *waited_ms* (to the first input) are counted while the page was to be seen; None where the field tells
    no times (a password), or nothing was put in. *filled*: something stood in it at the end, None: that is not known.
    """

    load: str
    tab: str
    form: str
    field: str
    label: str
    begin: float
    end: float
    timed: bool
    first: float | None = None  # when something was put in first
    changed: bool = False
    filled: bool | None = None
    refused: bool = False
    deleted: bool = False
    pasted: bool = False
    filled_in: bool = False
    spent_ms: float | None = None
    waited_ms: float | None = None
    over: bool = False
    cut: float = 0.0  # where its part that runs began: the focus, or when the page was shown again
    part: tuple[bool, float | None] = (False, None)  # `changed` and `first` before that part


@dataclass(slots=True)
class _Spans:
    """Spans that follow one another: begins, ends, and how long those before each were together."""

    begins: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)

    def add(self, begin: float, end: float) -> None:
        """Put a span behind the others."""
        last = self.sums[-1] + self.ends[-1] - self.begins[-1] if self.sums else 0.0
        self.begins.append(begin)
        self.ends.append(end)
        self.sums.append(last)

    def until(self, at: float) -> float:
        """Return how many ms of them lie before *at*."""
        nth = bisect_right(self.begins, at) - 1
        return 0.0 if nth < 0 else self.sums[nth] + min(at, self.ends[nth]) - self.begins[nth]


class Hidden:
    """When the documents of a session were not to be seen; *events* are in canonical order."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._spans: dict[str, _Spans] = {}
        since = dict[str, float]()
        for event in events:
            load = str(event.get("page_load"))
            if event["type"] == "visibility" and event.get("state") == "hidden":
                since.setdefault(load, event["ts"])
            elif event["type"] == "visibility" and load in since:
                self._spans.setdefault(load, _Spans()).add(since.pop(load), event["ts"])
        for load, ts in since.items():
            self._spans.setdefault(load, _Spans()).add(ts, float("inf"))

    def within(self, load: str, begin: float, end: float) -> float:
        """Return how many ms from *begin* to *end* the document *load* was hidden."""
        spans = self._spans.get(load)
        return 0.0 if spans is None else spans.until(end) - spans.until(begin)


def keys_of(event: Event) -> tuple[str, str]:
    """Return the keys of the form and the field that *event* is about."""
    target = event.get("target")
    of_target = target.get("key") if isinstance(target, dict) else None
    form, name = event.get("form") or OUTSIDE, event.get("field") or of_target or ""
    return str(form)[:MOST_LETTERS], str(name)[:MOST_LETTERS]


def label_of(event: Event) -> str:
    """Return what people call the target of *event*; nothing if that was masked, or is one of several choices."""
    target = None if event.get("input_type") == "radio" else event.get("target")
    label = str(target.get("label") or "")[:MOST_LETTERS] if isinstance(target, dict) else ""
    return "" if _MASKED.fullmatch(label) else label


def stays_of(events: Sequence[Event]) -> list[Stay]:
    """Return the stays in fields that *events* (canonical order) tell of, by their begin."""
    found: list[Stay] = []
    last: dict[tuple[str, str, str], Stay] = {}
    for event in events:
        if event["type"] != "field" or event.get("cause") == "submit":
            continue  # at a submit it is told of a field that nobody may be in
        form, name = keys_of(event)
        if not name:
            continue
        key = (str(event.get("page_load")), form, name)
        stay = last.get(key)
        begin = event["ts"] - _span(event.get("focus_ms") or 0)
        if stay is None or not _goes_on(stay, begin):
            stay = last[key] = Stay(
                key[0], str(event.get("tab") or ""), form, name, label_of(event),
                begin, event["ts"], timed="focus_ms" in event, cut=begin,
            )  # fmt: skip
            found.append(stay)
        _tell(stay, event, begin)
    hidden = Hidden(events)
    for stay in found:
        _measure(stay, hidden)
    return sorted(found, key=lambda one: one.begin)


def _span(ms: float) -> float:
    """Return *ms* as a time that somebody can be in a field: anything may stand in an event."""
    return min(max(ms, 0.0), LONGEST_MS)


def _goes_on(stay: Stay, begin: float) -> bool:
    """Say whether an event of a focus at *begin* tells of *stay*, too."""
    if not stay.over and abs(begin - stay.cut) <= SAME_MS:
        return True
    return stay.timed and stay.over and abs(begin - stay.end) <= AT_ONCE_MS


def _tell(stay: Stay, event: Event, begin: float) -> None:
    """Let *stay* know what *event* says of the time since *begin*."""
    if stay.over:
        stay.cut, stay.part = begin, (stay.changed, stay.first)
    stay.end = max(stay.end, event["ts"])
    stay.over = event.get("cause", "blur") == "blur"
    changed, first = bool(event.get("changed")), event.get("first_input_ms")
    stay.changed = stay.part[0] or changed
    if stay.part[1] is None and first is not None:
        stay.first = min(begin + _span(first), event["ts"])
    stay.refused |= bool(event.get("invalid"))
    stay.deleted |= bool(event.get("deletions"))
    stay.pasted |= bool(event.get("paste"))
    stay.filled_in |= bool(event.get("autofill"))
    if event.get("length"):
        stay.filled = True
    elif changed:  # emptied, or a choice, which has no length
        stay.filled = not any(event.get("lengths") or ())
    stay.label = stay.label or label_of(event)


def _measure(stay: Stay, hidden: Hidden) -> None:
    if not stay.timed:
        return
    stay.spent_ms = stay.end - stay.begin - hidden.within(stay.load, stay.begin, stay.end)
    if stay.first is not None:
        waited = stay.first - stay.begin
        stay.waited_ms = waited - hidden.within(stay.load, stay.begin, stay.first)


class Places:
    """
    At which step of a process each tab was when.

    It is at a step from where that came until the next one does, or a page with another path is opened.
    """

    def __init__(self, steps: Sequence[tuple[str, Event]], events: Sequence[Event]) -> None:
        came = {id(event): step for step, event in steps}
        self._times: dict[str, list[float]] = {}
        self._steps: dict[str, list[str | None]] = {}
        self._loaded: dict[str, float] = {}
        path: dict[str, str] = {}
        for event in events:
            tab = str(event.get("tab") or "")
            if event["type"] == "page":
                self._loaded.setdefault(str(event.get("page_load")), event["ts"])
            if (step := came.get(id(event))) is not None:
                path[tab] = event.get("path") or ""
            elif event["type"] != "page" or (event.get("path") or "") == path.get(tab):
                continue
            self._times.setdefault(tab, []).append(event["ts"])
            self._steps.setdefault(tab, []).append(step)

    def at(self, tab: str, load: str, ts: float) -> str | None:
        """Return the step at which *tab* was at *ts*, in the document *load*."""
        ts = max(ts, self._loaded.get(load, ts))  # the focus may be there before the page is told
        nth = bisect_right(self._times.get(tab, ()), ts)
        return self._steps[tab][nth - 1] if nth else None
