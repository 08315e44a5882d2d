"""
Presses from rrweb's mouse interactions, and which of the page's reactions answer which.

A reaction inside a press's handlers is that press's. A recording does not tell handlers apart: what
comes within a frame of a hand's event counts as such. A later reaction goes to the oldest press on
its target that still waits, if it is near; what changes of itself answers nobody.
"""

from __future__ import annotations

from typing import Any

from replay.derived.changes import Change
from replay.derived.elements import (
    attribute,
    closest,
    element_of,
    form_of,
    is_hidden,
    is_within,
    labelled,
    markup,
    tag_of,
)
from replay.derived.looks import is_editable
from replay.derived.near import Background, surroundings
from replay.derived.page import Page
from replay.derived.press import (
    CAUSED_MS,
    STAYS_MS,
    WINDOW_MS,
    Press,
    Seen,
    first,
    href_kind,
    link_of,
    press_facts,
    settle,
    submits,
)
from replay.nodes import Node

Data = dict[str, Any]

UP, DOWN, CLICK, DOUBLE, FOCUS, BLUR = 0, 1, 2, 4, 5, 6
TOUCH_DOWN, TOUCH_UP, TOUCH_CANCEL = 7, 9, 10
POINTERS = ("mouse", "pen", "touch")

AFTER_RELEASE_MS = 700
LINK_MS = 1_000
QUIET_MS = 2_500
ECHO_MS = 100
LOADED_MS = 500
SCROLL_MS = 300
SCROLLING_MS = 200
SELECTION_MS = 100
FOCUS_MS = 300
"""So soon after a press's own events the focus is moved by what handles it, on slow machines too."""
DOUBLE_MS, DOUBLE_PX = 500, 5
SCRIPTED_MS = 4_000
"""A page that a script leads away from is left within this of the press; the next must load, too."""


class Presses:
    """The presses of one document."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._background = Background(page.mirror)
        self._open: list[Press] = []
        self._held: Press | None = None
        self.newest: Press | None = None
        self._focus: Node | None = None
        self._input_at = float("-inf")
        self._typed_at = float("-inf")
        self._scrolled_at = float("-inf")
        self._selected = False
        self._clicks = 0
        self.requests_told = False

    @property
    def focus(self) -> Node | None:
        """What has the focus, if the recording told."""
        return self._focus

    def press_of(self, t: float) -> Press | None:
        """Return the newest press within 1 s before *t*."""
        press = self.newest
        return press if press is not None and 0 <= t - press.t0 <= LINK_MS else None

    # Hands

    def interacted(self, data: Data, t: float) -> None:
        """Take one of rrweb's mouse interactions."""
        kind = data["type"]
        node = element_of(self._page.mirror.nodes.get(data["id"]))
        if node is None:
            return
        if kind in (DOWN, TOUCH_DOWN):
            self._down(node, data, t)
        elif kind in (UP, TOUCH_UP):
            self._up(data, t)
        elif kind == CLICK:
            self._click(node, data, t)
        elif kind == DOUBLE and self.newest is not None:
            self.newest.facts["detail"] = max(2, self.newest.facts.get("detail", 0))
        elif kind == TOUCH_CANCEL:
            self._cancel()
        elif kind == FOCUS:
            self._focused(node, t)
        elif kind == BLUR:
            if self._focus is node:
                self._focus = None
            if self._held is not None:
                self._held.phase, self._held.hand_at = "blur", t

    def _down(self, node: Node, data: Data, t: float) -> None:
        self._input_at = t
        if self._page.policy.ignored(node):
            return
        element, _ = self._page.looks.pressable(node)
        touch = data["type"] == TOUCH_DOWN
        told = data.get("pointerType")
        pointer = "touch" if touch else POINTERS[told] if told in (0, 1, 2) else "mouse"
        self._held = self._begin(element, data, t, pointer)

    def _begin(self, element: Node, data: Data, t: float, pointer: str) -> Press:
        page = self._page
        target = page.describer.target(element)
        facts: Data = {"target": target, **press_facts(page, element), "pointer": pointer}
        x, y = _number(data.get("x")), _number(data.get("y"))
        if pointer != "keyboard":
            facts["trusted"] = True  # scripts make clicks, and hardly ever what comes before one
            if x is not None and y is not None:
                facts |= {"x": round(x), "y": round(y)}
            facts["detail"] = self._count(element, facts, t)
        before = next((one for one in self._open if one.element is element), None)
        press = Press(
            fact=page.emit("click", t, facts),
            element=element,
            key=target["key"],
            around=surroundings(element),
            x=x or 0.0,
            y=y or 0.0,
            looks=before.looks if before is not None else markup(element),
            t0=t,
            pointer=pointer,
            hand_at=t,
        )
        self._open.append(press)
        self.newest = press
        page.later(t + WINDOW_MS, lambda: self._judge(press))
        return press

    def _count(self, element: Node, facts: Data, t: float) -> int:
        """Return which click in a row this is, as browsers count."""
        last = self.newest
        near = (
            last is not None
            and last.element is element
            and t - last.t0 <= DOUBLE_MS
            and abs(last.x - facts.get("x", 0)) <= DOUBLE_PX
            and abs(last.y - facts.get("y", 0)) <= DOUBLE_PX
        )
        self._clicks = self._clicks + 1 if near else 1
        return self._clicks

    def _up(self, data: Data, t: float) -> None:
        press, self._held = self._held, None
        if press is None:
            return
        press.released, press.phase, press.hand_at = t, "up", t
        press.facts["hold_ms"] = max(0, round(t - press.t0))
        x, y = _number(data.get("x")), _number(data.get("y"))
        if x is not None and y is not None:
            press.facts["drag_px"] = round(((x - press.x) ** 2 + (y - press.y) ** 2) ** 0.5)

    def _cancel(self) -> None:
        """The finger scrolled or held: that was no press."""
        press, self._held = self._held, None
        if press is not None:
            press.fact.dropped = True
            self._open = [one for one in self._open if one is not press]
            if self.newest is press:
                self.newest = None

    def _click(self, node: Node, data: Data, t: float) -> None:
        press = self.newest
        recent = press is not None and t - (press.released or press.t0) <= AFTER_RELEASE_MS
        if press is not None and recent:
            if not press.clicked or self._belongs(press, node):
                self._follow(press, node, t)
            return
        focus = self._focus
        if focus is not None and is_editable(focus) and not is_within(focus, node):
            return  # Enter in a field: its form is submitted
        if self._page.policy.ignored(node):
            return
        element, _ = self._page.looks.pressable(node)
        press = self._begin(element, data, t, "keyboard")
        press.released = t
        self._follow(press, node, t)

    def _belongs(self, press: Press, node: Node) -> bool:
        return labelled(press.element) is node or is_within(node, press.element)

    def _follow(self, press: Press, node: Node, t: float) -> None:
        press.clicked = True
        press.phase, press.hand_at = "up", t
        control = closest(node, submits)
        press.submitted = control is not None and form_of(control) is not None
        kind = href_kind(link_of(node), self._page.href)
        if kind == "download":
            press.answer("download", t)
        elif kind in ("new_tab", "mail"):
            press.answer("open", t)
        elif kind == "same":
            press.leading = True
        field = closest(node, lambda one: tag_of(one) == "input")
        if field is not None and attribute(field, "disabled") is None:
            type_ = (attribute(field, "type") or "").lower()
            if type_ in ("file", "color"):
                press.answer("file" if type_ == "file" else "visual", t)

    def _focused(self, node: Node, t: float) -> None:
        self._focus = node
        press = self._caused(t, FOCUS_MS)
        if press is None:
            return
        if press.phase == "blur":
            press.phase = "down"
        if tag_of(node) == "select" and press.element is node:
            press.answer("visual", t)  # its list opens
        if not is_within(press.element, node) or is_editable(node):
            press.answer("focus", t)

    def _caused(self, t: float, within_ms: float = CAUSED_MS) -> Press | None:
        """Return the press whose handlers run at *t*, *within_ms* of a hand's event, as far as can be told."""
        press = self._held or self.newest
        if press is None or press not in self._open or self._typed_at > press.hand_at:
            return None
        return press if 0 <= t - press.hand_at <= within_ms else None

    # What the page does

    def typed(self, field: Node, t: float) -> None:
        """The visitor typed into *field*: what follows at once is the answer to that."""
        self._input_at = self._typed_at = t
        for press in self._open:
            press.excused.add(field.id)

    def valued(self, field: Node, t: float) -> None:
        """The value of *field* changed by something else than typing."""
        causing = self._caused(t)
        if causing is not None:
            causing.answer("value", t)
            return
        change = Change("text", field, "value", worded=True)
        near = [one for one in self._waiting(t) if one.around.has(field)]
        if t - self._input_at > QUIET_MS:
            self._background.note(change, t)
        fresh = [one for one in near if self._background.judge(change, one.t0) == "new"]
        self._distribute(fresh, "value", t)

    def scrolled(self, t: float) -> None:
        """Something scrolled."""
        going, self._scrolled_at = t - self._scrolled_at <= SCROLLING_MS, t
        press = self.newest
        if press is None or press not in self._open or going:
            return
        if self._held is press:
            press.facts["scrolled"] = True
        if 0 <= t - max(press.t0, press.released or 0) <= SCROLL_MS:
            press.answer("scroll", t)

    def selected(self, data: Data, t: float) -> None:
        """The selection is another one."""
        some = any(
            (one.get("start"), one.get("startOffset")) != (one.get("end"), one.get("endOffset"))
            for one in data["ranges"]
        )
        before, self._selected = self._selected, some
        press = self._held or self.newest
        if press is None or not (some or before):
            return
        if press is not self._held and t - (press.released or 0) > SELECTION_MS + ECHO_MS:
            return
        target = press.facts["target"]
        if not some and target.get("interactive"):
            return
        for one in self._open if some and press.facts.get("detail", 1) > 1 else [press]:
            if one.element is press.element:
                one.facts["selection_changed"] = True
        if not target.get("editable"):
            press.answer("selection", t)

    def played(self, node: Node, t: float) -> None:
        """A video or sound was started, stopped or moved."""
        near = [one for one in self._waiting(t) if one.around.has(node)]
        self._distribute(near, "media", t)

    def requested(self, begin: float, end: float | None, status: int) -> Press | None:
        """A request began; return the press that it followed."""
        self.requests_told = True
        press = self.press_of(begin)
        if press is not None and press in self._open:
            press.requests.append((begin, end, status))
        return press

    def mutated(self, changes: list[Change], t: float) -> None:
        """The page changed."""
        waiting = self._waiting(t)
        loaded = t - self._page.begun > LOADED_MS
        quiet = t - self._input_at > QUIET_MS and loaded
        causing = self._caused(t)
        if not causing and t - self._typed_at <= ECHO_MS:
            return
        if causing is not None and causing.phase == "blur":
            # The doing of the field that was left, not of the press that left it.
            causing.excused |= {change.node.id for change in changes}
            return
        for change in changes:
            if causing is not None and self._background.judge(change, causing.t0) == "new":
                self._own(causing, change, t)
            elif self._later(change, waiting, t) or quiet:
                self._background.note(change, t)

    def _own(self, press: Press, change: Change, t: float) -> None:
        """Take *change* as the doing of the handlers of *press*, wherever it shows."""
        is_root = tag_of(change.node) in ("html", "body")
        if change.kind == "attribute" and press.phase == "down" and is_root:
            return  # marks of the pointer
        if change.kind == "inserted" and not _is_visible(change.added):
            return
        self._feedback(press, change, t)
        mark = not change.worded and is_within(change.node, press.element)
        if mark and press.phase == "down":
            press.fleeting = first(press.fleeting, _seen(press, change, t))
        else:
            press.answer(_kind(change), t)

    def _later(self, change: Change, waiting: list[Press], t: float) -> bool:
        """Give *change* to the presses that it answers; return whether it is background."""
        reached: list[Press] = []
        is_background = False
        pressed = [one for one in waiting if is_within(change.node, one.element)]
        for press in pressed or waiting:
            near = _shows(change) or press.around.has(change.node)
            if change.node.id in press.excused or (change.kind == "attribute" and not near):
                continue
            judged = self._background.judge(change, press.t0)
            if judged == "background":
                press.facts["far"] = press.facts.get("far", 0) + 1
                is_background = True
            elif judged == "unclear":
                press.unclear.append((change, _seen(press, change, t)))
            else:
                reached.append(press)
        if not reached or (change.kind == "inserted" and not _is_visible(change.added)):
            return is_background and not reached
        for press in reached:
            self._feedback(press, change, t)
        if pressed and not change.worded:
            for press in reached:
                press.fleeting = first(press.fleeting, _seen(press, change, t))
        else:
            self._distribute(reached, _kind(change), t)
        return False

    def _feedback(self, press: Press, change: Change, t: float) -> None:
        if is_within(change.node, press.element):
            press.facts.setdefault("feedback_ms", round(t - press.t0))

    def _distribute(self, reached: list[Press], kind: str, t: float) -> None:
        turn: set[str] = set()
        for press in reached:
            seen = Seen(t - press.t0, kind)
            press.shared = press.shared or seen
            if press.own is None and press.key not in turn:
                turn.add(press.key)
                press.own = seen

    def _waiting(self, t: float) -> list[Press]:
        return [one for one in self._open if t - one.t0 <= WINDOW_MS]

    # Outcomes

    def _judge(self, press: Press) -> None:
        if press not in self._open:
            return
        if press.submitted and not self.requests_told and not press.own and not press.shared:
            press.facts["pending"] = (
                True  # it sent something, and nothing tells whether that is over
            )
        if press.leading and not press.own and not press.shared:
            self._page.later(press.t0 + STAYS_MS, lambda: self._stayed(press))
        else:
            self._finish(press, cut=False)

    def _stayed(self, press: Press) -> None:
        """The page that a link leads to did not come: a download, which nothing tells apart."""
        if press in self._open:
            press.leading = False
            press.answer("navigation_began", press.released or press.t0)
            self._finish(press, cut=False)

    def _finish(self, press: Press, *, cut: bool) -> None:
        self._open = [one for one in self._open if one is not press]
        nodes = self._page.mirror.nodes
        for change in settle(press, lambda node: nodes.get(node.id) is node, cut=cut):
            self._background.note(change, self._page.now)

    def leave(self, t: float, followed_at: float | None) -> bool:
        """
        End at *t*. *followed_at*: another document begins then. Return whether a press led there.
        """
        press = self.newest
        led = press is not None and followed_at is not None and self._leads(press, followed_at)
        if press is not None and led:
            press.leading = False
            if press in self._open:
                press.answer("navigation", t)
            elif press.own is None and press.shared is None:
                press.answer("navigation", t)
                settle(press, lambda _: True, cut=False)
        for one in [*self._open]:
            self._finish(one, cut=t - one.t0 < WINDOW_MS)
        return led

    def _leads(self, press: Press, at: float) -> bool:
        link = href_kind(link_of(press.element), self._page.href) == "same"
        return at - press.t0 <= (STAYS_MS if link or submits(press.element) else SCRIPTED_MS)


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None


def _seen(press: Press, change: Change, t: float) -> Seen:
    return Seen(t - press.t0, _kind(change))


def _kind(change: Change) -> str:
    return "inserted" if change.kind == "inserted" else "mutation"


def _is_visible(nodes: list[Node]) -> bool:
    return any(not is_hidden(one) for one in nodes)


def _shows(change: Change) -> bool:
    """Say whether what was in the page before is shown to the visitor now."""
    if change.kind != "attribute":
        return False
    node = change.node
    dialog = (
        tag_of(node) == "dialog"
        or attribute(node, "role") in ("dialog", "alertdialog")
        or attribute(node, "aria-modal") == "true"
        or attribute(node, "popover") is not None
    )
    return (change.sort == "@hidden" or dialog) and not is_hidden(node)
