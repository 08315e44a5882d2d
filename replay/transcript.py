"""
Tells a session as a list of lines: what the visitor did, what came of it, and every struggle.

Pure and deterministic: the same events give the same lines. Repeated things become one line that
counts. No language (the console puts lines into words), and nothing that the events do not hold:
values of fields are in none, masked names stay masked. All times are server time in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.model import Event, Flag
from replay.known import Known
from replay.timeline import (
    FREEZE_MS,
    SLOW_PAGE_MS,
    GapSpan,
    PageView,
    Tone,
    is_noteworthy,
    tone_of,
)

PAUSE_MS = 60_000
"""A visitor who does nothing for that long is worth a line: shorter pauses are reading."""

AWAY_MS = 10_000
"""The tab was hidden for that long: shorter is a glance at something else."""

PRESSES_MS = 3_000
"""Presses on the same thing with less between two of them are one line."""

RESULTS_MS = 60_000
"""The same fault again, with less between, is one line: pages ask again and again."""

FOLLOWS_MS = 500
"""A field is told when it was left. What left it, a press or Enter, was up to so much before."""

_FIELDS = frozenset({"input", "textarea", "select"})
_BUTTONS = frozenset({"button", "menuitem", "tab", "switch"})
_CHOICES = {"checkbox": "checkbox", "radio": "option", "option": "option"}

Part = Literal["page", "act", "result", "struggle", "note", "gap", "pause", "away", "tab", "end"]


@dataclass(frozen=True, slots=True)
class What:
    """An element in a few facts. *name* is as recorded; *masked*: it has one, and it is hidden."""

    kind: str  # button · link · field · checkbox · option · picture · page · element
    name: str
    masked: bool = False


@dataclass(slots=True)
class Line:
    """
    One line. *kind* is the event's type, or the part's name where no event stands behind it.

    *count* is how often it happened from *at_ms* to *until_ms*; *tab* is a number from 1.
    """

    part: Part
    kind: str
    at_ms: float
    until_ms: float
    tab: int
    path: str
    tone: Tone
    facts: dict[str, Any] = field(default_factory=dict)
    what: What | None = None
    count: int = 1
    flag: Flag | None = None
    gap: GapSpan | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The lines of a session, or of a span of it, by time. Offsets count from *start_ms*."""

    start_ms: float
    from_ms: float
    until_ms: float
    whole: bool
    views: int
    flags: tuple[Flag, ...]
    lines: tuple[Line, ...]


def transcribe(known: Known) -> Transcript:
    """Return what happened in a session, or in the span of it that is *known*."""
    timeline, first, last = known.timeline, known.from_ms, known.until_ms
    teller = _Teller({tab.id: tab.number for tab in timeline.tabs})
    for event in known.events:
        teller.take(event)
    lines = [*teller.lines, *_around(known)]
    if not known.whole:
        lines += _begins_on(timeline.views, first, teller.tab_of)
    lines += _pauses(teller.acts, first, last, known.gaps)
    if known.whole and known.session.end_kind is not None:
        facts = {"kind": known.session.end_kind}
        lines.append(Line("end", "end", last, last, 0, "", "plain", facts))
    lines.sort(key=lambda line: (line.at_ms, _ORDER[line.part]))
    views = sum(line.part == "page" for line in lines)
    return Transcript(timeline.start_ms, first, last, known.whole, views, known.flags, tuple(lines))


_ORDER: dict[str, int] = {
    "pause": 0, "away": 0, "tab": 1, "page": 2, "act": 3, "result": 4, "gap": 5, "struggle": 6,
    "note": 7, "end": 8,
}  # fmt: skip


def _around(known: Known) -> Iterable[Line]:
    """Give the lines of struggles, of notes, and of what is missing."""
    numbers = {tab.id: tab.number for tab in known.timeline.tabs}
    first, last = known.from_ms, known.until_ms
    for flag in known.flags:
        at = min(max(flag.until_ms, first), last)
        tab = numbers.get(flag.tab or "", 0)
        page = flag.page or ""
        yield Line("struggle", "flag", at, at, tab, page, "error", count=flag.hits, flag=flag)
    for note in known.notes:
        facts = {"author": note.author, "text": note.text}
        yield Line("note", "note", note.at_ms, note.at_ms, 0, "", "plain", facts)
    for gap in known.gaps:
        if gap.at_ms <= last and gap.until_ms >= first:
            at = max(gap.at_ms, first)
            yield Line("gap", "gap", at, min(gap.until_ms, last), 0, "", "notice", gap=gap)


def _begins_on(
    views: Iterable[PageView], first: float, tab_of: Callable[[str], int]
) -> Iterable[Line]:
    """Give the line of the page that a span begins on, if it begins on one."""
    before = [view for view in views if view.at_ms < first]
    if before:
        view = before[-1]
        facts = {"nav": "begun"}
        yield Line("page", "page", first, first, tab_of(view.tab), view.path, "page", facts)


def _pauses(
    acts: Sequence[float], first: float, last: float, gaps: Sequence[GapSpan]
) -> Iterable[Line]:
    """Give the spans in which the visitor did nothing that events tell of, and nothing is missing."""
    for at, until in zip([first, *acts], [*acts, last], strict=True):
        hidden = any(
            gap.at_ms < until and gap.until_ms > at for gap in gaps if gap.kind != "reported"
        )
        if until - at >= PAUSE_MS and not hidden:
            yield Line("pause", "pause", at, until, 0, "", "plain")


class _Teller:
    """Takes events in order of time, and makes lines of them."""

    def __init__(self, tabs: dict[str, int]) -> None:
        self._tabs = tabs
        self.lines: list[Line] = []
        self.acts: list[float] = []
        self._burst: dict[tuple[Any, ...], Line] = {}  # what comes again is counted in it
        self._tab = 0
        self._hidden: dict[str, Event] = {}
        self._names: dict[tuple[str, str], str] = {}  # of fields, by form and key
        self._chosen: set[tuple[Any, ...]] = set()  # on this page: leaving them says nothing new
        self._takers: dict[str, Callable[[Event], None]] = {
            "page": self._page, "click": self._click, "field": self._field, "form": self._form,
            "message": self._message, "visibility": self._visibility, "vitals": self._vitals,
        }  # fmt: skip

    def tab_of(self, tab: str) -> int:
        """Return the number of *tab* where there are several, else 0."""
        return self._tabs.get(tab, 0) if len(self._tabs) > 1 else 0

    def take(self, event: Event) -> None:
        """Take the next event."""
        kind = event["type"]
        if kind in _ACTS and not event.get("programmatic"):
            self.acts.append(float(event["ts"]))
        if kind in self._takers:
            self._takers[kind](event)
        elif kind in _ALONE and is_noteworthy(event):
            self._other(event)

    # Lines

    def _add(self, line: Line, signature: tuple[Any, ...], within_ms: float) -> Line:
        """Add *line*, or count it in one that says the same and is no older than *within_ms*."""
        known = self._burst.get(signature)
        if known is not None and line.at_ms - known.until_ms <= within_ms:
            known.count += 1
            known.until_ms = max(known.until_ms, line.at_ms)
            return known
        if line.part == "act":
            self._burst.clear()  # what comes of it is told anew
            self._note_tab(line)
        self.lines.append(line)
        self._burst[signature] = line
        return line

    def _note_tab(self, line: Line) -> None:
        """Say that the visitor went to another tab, if this act is in one."""
        if line.tab and line.tab != self._tab:
            if self._tab:
                at = line.at_ms
                self.lines.append(Line("tab", "tab", at, at, line.tab, line.path, "plain"))
            self._tab = line.tab

    def _line(self, part: Part, event: Event, **facts: Any) -> Line:
        at = float(event["ts"])
        target = event.get("target")
        what = what_of(target) if isinstance(target, dict) else None
        tab = self.tab_of(str(event["tab"]))
        path = str(event.get("path") or "")
        return Line(part, str(event["type"]), at, at, tab, path, tone_of(event), facts, what)

    # What becomes of each

    def _page(self, event: Event) -> None:
        self._burst.clear()
        self._chosen.clear()
        line = self._line("page", event, nav=str(event.get("nav") or "load"))
        self._note_tab(line)
        self.lines.append(line)

    def _click(self, event: Event) -> None:
        if _leads_to_field(event):
            return
        line = self._line("act", event, pointer=str(event.get("pointer") or "mouse"))
        line = self._add(line, ("click", _key(event), line.path), PRESSES_MS)
        facts = line.facts
        if _is_unanswered(event):
            facts["unanswered"] = facts.get("unanswered", 0) + 1
        if "error_ms" in event:
            facts["error"] = True
        if (event.get("target") or {}).get("disabled"):
            facts["disabled"] = True
        facts["answered_ms"] = max(facts.get("answered_ms", 0), event.get("answered_ms") or 0)

    def _field(self, event: Event) -> None:
        """Tell of a field when it is left, chosen in, or refused; not while it is being filled in."""
        name = str(event.get("field") or "")
        form = str(event.get("form") or "")
        line = self._line("act", event, **_entered(event))
        if line.what and line.what.name:
            self._names[form, name] = line.what.name
        refused = bool(event.get("invalid"))
        if event.get("cause") == "submit":
            if refused and not self._just_refused(form, name, line.at_ms):
                line.facts = {"refused": True}
                self._add(line, ("refused", form, name), RESULTS_MS)
            return
        changed = event.get("changed") or event.get("cleared") or event.get("cause") == "choice"
        if event.get("partial") or not (changed or refused):
            return
        signature = ("field", form, name, line.path)
        if event.get("cause") == "choice":
            self._chosen.add(signature)
        elif signature in self._chosen and not refused:
            return
        last = self.lines[-1] if self.lines else None
        if last and last.kind in ("click", "form") and line.at_ms - last.at_ms <= FOLLOWS_MS:
            line.at_ms = line.until_ms = last.at_ms
            self._note_tab(line)
            self.lines.insert(-1, line)  # what left it comes after it
            return
        self._add(line, signature, RESULTS_MS)

    def _just_refused(self, form: str, name: str, at: float) -> bool:
        """Say whether the line of the form told already that the field was refused."""
        return any(
            line.facts.get("form") == form and name in line.facts.get("invalid", ())
            for line in self.lines[-6:]
            if at - line.at_ms <= 10_000
        )

    def _form(self, event: Event) -> None:
        form = str(event.get("form") or "")
        told = {
            "form": form,
            "outcome": str(event.get("outcome") or "unknown"),
            "invalid": list(event.get("invalid_fields") or ()),
        }
        told["names"] = [self._names.get((form, one), one) for one in told["invalid"]]
        line = self._line("act", event, how=str(event.get("how") or ""), **told)
        if event.get("how") == "click" and (press := self._press_of(line)) is not None:
            press.facts |= told
            press.facts["sent"] = True
            if line.tone != "plain":
                press.tone = line.tone
            self._burst.pop(
                ("click", _key(event), press.path), None
            )  # the next press is another try
            self._one_of_two(press)
            return
        line.what = None
        self._add(line, ("form", form, told["outcome"]), PRESSES_MS)

    def _press_of(self, form: Line) -> Line | None:
        """Return the line of the press that sent *form*, if it was told."""
        for last in reversed(self.lines[-3:]):
            if last.kind == "click" and last.what == form.what:
                return last if form.at_ms - last.until_ms <= PRESSES_MS else None
        return None

    def _one_of_two(self, press: Line) -> None:
        """Count *press* in the one before, if that was the same try with the same outcome."""
        acts = [line for line in self.lines[-8:] if line.part == "act"]
        if len(acts) < 2 or acts[-1] is not press:
            return
        before = acts[-2]
        told = ("outcome", "invalid", "sent", "pointer")
        same = before.what == press.what and all(
            before.facts.get(one) == press.facts.get(one) for one in told
        )
        if same and press.at_ms - before.until_ms <= PRESSES_MS:
            before.count += press.count
            before.until_ms = press.until_ms
            self.lines.remove(press)

    def _message(self, event: Event) -> None:
        words = str(event.get("words") or "")
        line = self._line("result", event, severity=str(event.get("severity") or "info"))
        if not words and line.what is not None and not line.what.masked:
            words = line.what.name
        line.facts["words"] = words
        self._add(line, ("message", event.get("hash"), words, line.path), RESULTS_MS)

    def _visibility(self, event: Event) -> None:
        tab = str(event["tab"])
        if event.get("state") == "hidden":
            self._hidden[tab] = event
            return
        gone = self._hidden.pop(tab, None)
        if gone is None or float(event["ts"]) - float(gone["ts"]) < AWAY_MS:
            return
        away = self._line("away", gone)
        away.kind, away.until_ms = "away", float(event["ts"])
        self.lines.append(away)

    def _vitals(self, event: Event) -> None:
        if not is_noteworthy(event):
            return
        loaded = max(event.get("lcp_ms") or 0, event.get("route_ms") or 0)
        blocked = max(event.get("inp_ms") or 0, event.get("long_task_ms") or 0)
        slow = loaded >= SLOW_PAGE_MS
        if not slow and blocked < FREEZE_MS:
            return
        line = self._line("result", event, slow=slow, took_ms=loaded if slow else blocked)
        line = self._add(line, ("vitals", slow, line.path), RESULTS_MS)
        line.facts["took_ms"] = max(line.facts["took_ms"], loaded if slow else blocked)

    def _other(self, event: Event) -> None:
        kind = str(event["type"])
        facts = {name: event[name] for name in _ALONE[kind] if name in event}
        part: Part = "act" if kind in _ACTS else "result"
        line = self._line(part, event, **facts)
        same = {**facts, "duration_ms": None} if kind == "request" else facts
        self._add(line, (kind, repr(sorted(same.items(), key=str)), _key(event)), RESULTS_MS)


_ACTS = frozenset({"click", "field", "form", "copy", "gesture", "key", "cursor", "scroll", "page"})
"""Events that a visitor makes; the others are what comes of it."""

_ALONE: dict[str, tuple[str, ...]] = {
    "request": ("method", "url", "status", "duration_ms"),
    "error": ("message", "file", "line", "kind"),
    "console": ("level", "text"),
    "asset": ("kind", "url"),
    "custom": ("name", "props"),
    "copy": ("kind", "region"),
    "gesture": ("kind", "blocked", "orientation"),
    "key": ("class", "count"),
    "cursor": ("kind",),
}
"""Events that are told by themselves, with what is told of each."""


def what_of(target: dict[str, Any]) -> What:
    """Return the element *target* of an event in a few facts."""
    tag, role = str(target.get("tag") or ""), str(target.get("role") or "")
    input_type = str(target.get("input_type") or "")
    name = " ".join(str(target.get("label") or "").split())
    if tag in ("html", "body"):
        return What("page", "")
    if role in _CHOICES or input_type in _CHOICES:
        kind = _CHOICES.get(input_type) or _CHOICES[role]
    elif role in _BUTTONS or tag == "button" or input_type in ("submit", "button", "reset"):
        kind = "button"
    elif role == "link" or tag == "a":
        kind = "link"
    elif tag in _FIELDS or role in ("textbox", "searchbox", "combobox", "spinbutton", "slider"):
        kind = "field"
    elif tag in ("img", "picture") or role == "img":
        kind = "picture"
    else:
        kind = "element"
    masked = bool(name) and not name.replace("•", "").strip()
    return What(kind, "" if masked else name, masked)


def _key(event: Event) -> str:
    target = event.get("target")
    return str(target.get("key") or "") if isinstance(target, dict) else ""


def _leads_to_field(event: Event) -> bool:
    """Say whether a press only began what a field's own event tells: what was filled in or chosen."""
    target = event.get("target")
    if not isinstance(target, dict):
        return False
    kind = what_of(target).kind
    return kind in ("field", "checkbox", "option") and event.get("answered_ms") is not None


def _is_unanswered(event: Event) -> bool:
    """Say whether nothing came of a press; where that cannot be seen, or was not waited for, it is not."""
    if event.get("answered_ms") is not None or event.get("media"):
        return False
    return not event.get("cut") and not event.get("selection_changed")


def _entered(event: Event) -> dict[str, Any]:
    """Return what is told of how a field was filled in; never its value."""
    found: dict[str, Any] = {"cause": str(event.get("cause") or "blur")}
    for name in ("autofill", "paste", "cleared", "sensitive"):
        if event.get(name):
            found[name] = True
    if event.get("invalid"):
        found["refused"] = True
    if event.get("refills"):
        found["refills"] = int(event["refills"])
    if (event.get("choices") or 0) > 1:
        found["choices"] = int(event["choices"])
    if (event.get("focus_ms") or 0) >= 15_000:
        found["focus_ms"] = float(event["focus_ms"])
    return found
