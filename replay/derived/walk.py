"""
Walks through the documents of a recording and tells the events that the snippet would have told.

Facts only. What a recording does not hold is left out, so that rules which need it stay silent:
docs/import.md has the list. Values of fields and words of messages are never told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.model import Event
from replay.derived.changes import Before
from replay.derived.elements import attribute, below, element_of, is_checked, tag_of, text_of
from replay.derived.fields import Fields, state_of
from replay.derived.forms import Forms
from replay.derived.hands import Cursor, Scrolling
from replay.derived.looks import is_editable, restyles
from replay.derived.messages import Messages
from replay.derived.page import Fact, Page, shown
from replay.derived.plugins import CUSTOM, PLUGIN, Console, is_first_party, requests, route
from replay.derived.policy import Policy
from replay.derived.presses import BLUR, CLICK, DOWN, FOCUS, TOUCH_DOWN, Presses
from replay.derived.wording import short_hash
from replay.mirror import MirrorFull
from replay.shape import (
    ADOPTED_SHEET,
    FULL_SNAPSHOT,
    INCREMENTAL,
    INPUT,
    MEDIA,
    META,
    MOUSE_INTERACTION,
    MOUSE_MOVE,
    MUTATION,
    SCROLL,
    SELECTION,
    STYLE_DECLARATION,
    STYLE_RULE,
)

Data = dict[str, Any]

RESTYLING = frozenset({STYLE_RULE, STYLE_DECLARATION, ADOPTED_SHEET})

GAP_MS = 10_000
"""A document is taken to end so long after its last event, if the next does not begin before."""

ACTED_MS = 2_000
"""A page that comes so soon after a press or an input is not one that was loaded again."""


@dataclass(slots=True)
class Document:
    """
    One document of a recording: checked rrweb events in order, `timestamp` in milliseconds.

    *told* is its time 0, if that is known; else its first event is at 0.
    """

    tab: str
    events: list[Data] = field(default_factory=list)
    told: float | None = None

    @property
    def origin(self) -> float:
        return self.begun if self.told is None else self.told

    @property
    def begun(self) -> float:
        return float(self.events[0]["timestamp"])

    @property
    def ended(self) -> float:
        return float(self.events[-1]["timestamp"])


@dataclass(slots=True)
class Told:
    """The events of one document, and what is known of its page."""

    events: list[Event]
    page: Data


@dataclass(frozen=True, slots=True)
class _Left:
    """How the document before was left."""

    href: str
    path: str
    dwell_ms: float
    acted: bool


def derive(documents: Sequence[Document], policy: Policy) -> list[Told]:
    """Return the events of each of *documents*, which are in order of their begin."""
    told: list[Told] = []
    before: dict[str, _Left] = {}
    for at, document in enumerate(documents):
        following = next((one for one in documents[at + 1 :] if one.tab == document.tab), None)
        walk = _Walk(document, policy, before.get(document.tab))
        left = walk.run(following.begun if following is not None else None)
        before[document.tab] = left
        told.append(Told(_numbered(walk.page), walk.facts()))
    return told


class _Walk:
    """One document, from its first event to its end."""

    def __init__(self, document: Document, policy: Policy, before: _Left | None) -> None:
        self._document = document
        meta: Data = next((one["data"] for one in document.events if one["type"] == META), {})
        href = meta.get("href")
        self.page = Page(policy, href if isinstance(href, str) else "", document.begun)
        self._size = (meta.get("width"), meta.get("height"))
        self._before = before
        self._since = document.begun
        self._viewed = False
        self._presses = Presses(self.page)
        self._fields = Fields(self.page)
        self._forms = Forms(self.page, self._fields)
        self._messages = Messages(self.page, self._forms.heard)
        self._scrolling = Scrolling(self.page)
        self._cursor = Cursor(self.page)
        self._console = Console(self.page)

    def run(self, followed_at: float | None) -> _Left:
        """Walk to the end. *followed_at*: the next document of the tab begins then."""
        for event in self._document.events:
            at = float(event["timestamp"])
            self.page.advance(at)
            self._take(event, at)
        return self._leave(followed_at)

    def facts(self) -> Data:
        """Return what is known of the page."""
        width, height = self._size
        return shown({"path": self.page.path, "width": width, "height": height})

    def _take(self, event: Data, at: float) -> None:
        kind, data = event["type"], event.get("data")
        if kind == INCREMENTAL:
            self._change(event, event["data"], at)
            return
        try:
            self.page.mirror.apply(event)
        except MirrorFull:
            return
        if kind == FULL_SNAPSHOT:
            self.page.looks.forget()
        if kind == FULL_SNAPSHOT and not self._viewed:
            self._viewed = True
            self._view(at)
        elif kind == META and self._viewed and isinstance(event["data"].get("href"), str):
            self._route(event["data"]["href"], at)
        elif kind == CUSTOM and isinstance(data, dict) and (href := route(data)) is not None:
            self._route(href, at)
        elif kind == PLUGIN and isinstance(data, dict):
            self._plugin(data, at)

    def _plugin(self, data: Data, at: float) -> None:
        name, payload = str(data.get("plugin")), data.get("payload")
        if not isinstance(payload, dict):
            return
        if name.startswith("rrweb/console"):
            self._console.said(payload, at)
        elif name.startswith("rrweb/network"):
            for asked in requests(payload, at, self.page):
                status = asked.facts.get("status", -1)
                press = self._presses.requested(asked.begin, asked.end, status)
                if status >= 0:
                    self._forms.requested(asked.begin, status)
                fact = self.page.emit("request", asked.begin, asked.facts)
                if press is not None:
                    fact.click = press.fact
                    fact.facts["since_action_ms"] = round(asked.begin - press.t0)

    def _change(self, event: Data, data: Data, at: float) -> None:
        """Take an incremental event: some are looked at before they are applied, too."""
        page, source = self.page, data["source"]
        if page.mirror.root is None:
            return
        before = Before(page.mirror, data) if source == MUTATION else None
        if source in RESTYLING or (before is not None and restyles(page.mirror, data)):
            page.looks.forget()
        node = page.mirror.nodes.get(data.get("id", 0))
        element = element_of(node)
        state = state_of(element) if source == INPUT and element is not None else ""
        try:
            page.mirror.apply(event)
        except MirrorFull:
            return
        if before is not None:
            changes = before.changes()
            if changes:
                self._presses.mutated(changes, at)
                self._messages.mutated(changes, at)
        elif source == MOUSE_INTERACTION:
            self._interacted(data, at)
        elif source == INPUT and element is not None:
            self._input(element, state, data, at)
        elif source == SCROLL and node is not None:
            self._cursor.end(at)
            press = self._presses.press_of(at)
            self._presses.scrolled(at)
            answered = press is not None and press.own is not None and press.own.kind == "scroll"
            self._scrolling.scrolled(node, float(data["y"]), at, scripted=answered)
        elif source == MOUSE_MOVE:
            self._cursor.moved(data["positions"], at)
        elif source == SELECTION:
            self._presses.selected(data, at)
        elif source == MEDIA and element is not None:
            self._presses.played(element, at)

    def _interacted(self, data: Data, at: float) -> None:
        node = element_of(self.page.mirror.nodes.get(data["id"]))
        kind = data["type"]
        if kind == DOWN:
            self._scrolling.pressed(at)
        if kind in (DOWN, TOUCH_DOWN):
            self._cursor.end(at)
        self._presses.interacted(data, at)
        if node is None:
            return
        if kind == FOCUS:
            self._fields.focused(node, at)
        elif kind == BLUR:
            self._fields.blurred(node, at)
        elif kind == CLICK:
            press, focus = self._presses.newest, self._presses.focus
            pressed = press is not None and press.clicked and press.hand_at == at
            typing = focus is not None and is_editable(focus)
            if pressed or typing:
                self._forms.clicked(node, at, how="click" if pressed else "enter")

    def _input(self, node: Any, before: str, data: Data, at: float) -> None:
        told = data.get("userTriggered")
        by_hand = told if isinstance(told, bool) else None
        if state_of(node) == before and not is_checked(node):
            return  # told twice, by rrweb's habit
        hand = self._fields.changed(node, before, at, by_hand=by_hand)
        if hand and is_editable(node):
            self._presses.typed(node, at)
        else:
            self._presses.valued(node, at)

    # Page views

    def _view(self, at: float) -> None:
        page, before = self.page, self._before
        nav = "load"
        if before is not None and before.href == page.href and not before.acted:
            nav = "reload"
        facts = {"nav": nav, "title_hash": self._title(), "visible": True, **self._place()}
        facts["auto_refresh"] = self._refreshes()
        if before is not None:
            same = is_first_party(before.href, page)
            facts["referrer"] = "same" if same else "foreign"
            if same:
                facts["from_path"] = before.path
            facts["dwell_ms"] = round(before.dwell_ms)
        page.emit("page", page.begun, shown(facts))
        self._since = page.begun

    def _route(self, href: str, at: float) -> None:
        """The address is *href* from now on: another page view, if more than a place in it changed."""
        page = self.page
        if _address(href) == _address(page.href):
            return
        path, dwell = page.path, round(at - self._since)
        self._scrolling.leave(at)
        self._scrolling.restart()
        self._cursor.end(at)
        press = self._presses.press_of(at)
        if press is not None:
            press.answer("navigation", at)
        page.emit("leave", at, {"kind": "route", "visible_ms": dwell})
        page.href = href
        page.view += 1
        self._since = at
        facts = {
            "nav": "route",
            "title_hash": self._title(),
            "referrer": "same",
            "from_path": path,
            "dwell_ms": dwell,
            "visible": True,
            **self._place(),
        }
        page.emit("page", at, shown(facts))

    def _place(self) -> Data:
        meta = self.page.mirror.meta
        keys = self.page.policy.query_keys(self.page.href)
        return {
            "query_keys": keys or None,
            "width": meta.get("width"),
            "height": meta.get("height"),
        }

    def _title(self) -> str:
        root = self.page.mirror.root
        if root is None:
            return ""
        title = next((one for one in below(root) if tag_of(one) == "title"), None)
        text = " ".join(text_of(title).split()) if title is not None else ""
        return short_hash(self.page.policy.text(text, title)) if text else ""

    def _refreshes(self) -> bool:
        root = self.page.mirror.root
        return root is not None and any(
            tag_of(one) == "meta"
            and (attribute(one, "http-equiv") or "").lower() == "refresh"
            and "url" not in (attribute(one, "content") or "").lower()
            for one in below(root)
        )

    def _leave(self, followed_at: float | None) -> _Left:
        page, last = self.page, self._document.ended
        end = last
        if followed_at is not None:
            end = max(last, min(followed_at - 1, last + GAP_MS))
        page.advance(end)
        press = self._presses.newest
        led = self._presses.leave(end, followed_at)
        self._fields.leave(end)
        self._forms.leave(led=led or followed_at is not None)
        self._scrolling.leave(end)
        self._cursor.end(end)
        dwell = end - self._since
        page.emit("leave", end, {"kind": "link" if led else "close", "visible_ms": round(dwell)})
        acted_at = max(self._fields.input_at, press.t0 if press is not None else float("-inf"))
        acted = led or end - acted_at <= ACTED_MS
        return _Left(page.href, page.path, dwell, acted)


def _address(href: str) -> str:
    """Return of *href* what makes another page view when it changes; also a route after a `#`."""
    before, _, fragment = href.partition("#")
    return before + (fragment if fragment.lstrip("!").startswith("/") else "")


def _numbered(page: Page) -> list[Event]:
    """Return the events of *page* by time, numbered; times are since its begin."""
    facts = sorted((one for one in page.facts if not one.dropped), key=lambda one: one.at)
    numbers: dict[int, int] = {id(one): i for i, one in enumerate(facts)}
    return [_event(one, i, page, numbers) for i, one in enumerate(facts)]


def _event(fact: Fact, i: int, page: Page, numbers: dict[int, int]) -> Event:
    event: Event = {
        "i": i,
        "t": max(0.0, round(fact.at - page.begun, 1)),
        "type": fact.kind,
        "view": fact.view,
        "path": fact.path,
        **fact.facts,
    }
    if fact.click is not None and id(fact.click) in numbers:
        event["click"] = numbers[id(fact.click)]
    return event
