"""One press: what was said of it when it began, and its outcome once it is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from replay.derived.changes import Change
from replay.derived.elements import (
    ancestors,
    attribute,
    closest,
    document_of,
    input_type,
    is_element,
    is_within,
    markup,
    tag_of,
)
from replay.derived.near import Surroundings
from replay.derived.page import Fact, Page
from replay.nodes import Node

Data = dict[str, Any]

WINDOW_MS = 2_500
STAYS_MS = 10_000
CAUSED_MS = 16
"""What follows a hand's event so soon is taken as the doing of its handlers: a recording does not say."""

_CONSENT = re.compile(
    r"cookie|consent|gdpr|dsgvo|cmp-?|onetrust|usercentrics|didomi|cookiebot|sp_message|klaro|borlabs",
    re.IGNORECASE,
)
DRAWN_TAGS = frozenset(["video", "audio", "canvas", "embed", "object", "iframe"])
DRAWN_CLASSES = frozenset(
    ["leaflet-container", "maplibregl-map", "mapboxgl-map", "ol-viewport", "gm-style"]
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A reaction: so many milliseconds after the press, of that kind."""

    ms: float
    kind: str


@dataclass(slots=True)
class Press:
    """
    A press whose outcome is open.

    *own* is the first reaction that is this press's, *shared* the first near one whoever caused it,
    *fleeting* a mark of being pressed, which is an answer only if it lasts.
    """

    fact: Fact
    element: Node
    key: str
    around: Surroundings
    x: float
    y: float
    looks: str
    t0: float
    pointer: str
    hand_at: float
    phase: str = "down"
    released: float | None = None
    own: Seen | None = None
    shared: Seen | None = None
    fleeting: Seen | None = None
    unclear: list[tuple[Change, Seen]] = field(default_factory=list)
    excused: set[int] = field(default_factory=set)
    leading: bool = False
    clicked: bool = False
    submitted: bool = False
    requests: list[tuple[float, float | None, int]] = field(default_factory=list)

    @property
    def facts(self) -> Data:
        return self.fact.facts

    def answer(self, kind: str, t: float) -> None:
        """Take *kind* as this press's answer at *t*, if it is the first."""
        seen = Seen(t - self.t0, kind)
        self.own = self.own or seen
        self.shared = self.shared or seen


def first(known: Seen | None, seen: Seen) -> Seen:
    return known if known is not None and known.ms <= seen.ms else seen


def settle(press: Press, is_there: Callable[[Node], bool], *, cut: bool) -> list[Change]:
    """Complete the facts of *press*; return the changes that turned out to be background."""
    answer = press.own or press.shared
    background: list[Change] = []
    for change, seen in press.unclear:
        again = any(
            other.node is change.node
            and other.sort == change.sort
            and abs(later.ms - seen.ms) >= 100
            for other, later in press.unclear
        )
        if again:
            background.append(change)
        else:
            answer = first(answer, seen)
    if press.fleeting is not None and (
        not is_there(press.element) or markup(press.element) != press.looks
    ):
        answer = first(answer, press.fleeting)
    facts = press.facts
    if answer is not None:
        facts["answered_ms"] = max(0, round(answer.ms))
        facts["answer"] = answer.kind
    if background:
        facts["far"] = facts.get("far", 0) + len(background)
    if cut:
        facts["cut"] = True
    _tell_requests(press)
    return background


def _tell_requests(press: Press) -> None:
    if press.leading:
        press.facts["pending"] = True
    if not press.requests:
        return
    facts = press.facts
    facts["request_ms"] = round(press.requests[0][0] - press.t0)
    done = [end for _, end, _ in press.requests if end is not None]
    if done:
        facts["request_done_ms"] = round(max(done) - press.t0)
        codes = [code for _, _, code in press.requests]
        facts["request_status"] = 0 if 0 in codes else max(codes)


def press_facts(page: Page, element: Node) -> Data:
    """Return what can be said of a press on *element* at once."""
    link = link_of(element)
    href = href_kind(link, page.href)
    facts: Data = {
        "button": 0,
        "href": href,
        "media": _draws_answer(element),
        "in_dialog": closest(element, _is_dialog) is not None,
        "in_consent": _in_consent(element),
    }
    if link is not None and href not in ("none", "js", "mail"):
        facts["href_path"] = page.policy.place(attribute(link, "href") or "", page.href)
    return facts


def link_of(element: Node) -> Node | None:
    return closest(
        element, lambda one: tag_of(one) in ("a", "area") and attribute(one, "href") is not None
    )


def href_kind(link: Node | None, page: str) -> str:
    """Return the kind of *link* on the page at the address *page*."""
    if link is None:
        return "none"
    raw = (attribute(link, "href") or "").strip()
    if re.match("javascript:", raw, re.IGNORECASE):
        return "js"
    if re.match(r"(mailto|tel|sms|callto|whatsapp|skype):", raw, re.IGNORECASE):
        return "mail"
    if attribute(link, "download") is not None or re.match("(blob|data):", raw, re.IGNORECASE):
        return "download"
    target = attribute(link, "target")
    if target and not re.fullmatch("_(self|parent|top)", target, re.IGNORECASE):
        return "new_tab"
    before, sign, _ = raw.partition("#")
    if raw.startswith("#") or (sign and before == page.split("#", maxsplit=1)[0]):
        return "hash"
    return "same"


def submits(element: Node) -> bool:
    """Say whether a click on *element* submits its form."""
    tag = tag_of(element)
    if tag == "button":
        return (attribute(element, "type") or "submit").lower() == "submit"
    return tag == "input" and input_type(element) in ("submit", "image")


def _is_dialog(node: Node) -> bool:
    role = attribute(node, "role")
    return (
        tag_of(node) == "dialog"
        or role in ("dialog", "alertdialog")
        or attribute(node, "aria-modal") == "true"
    )


def _in_consent(element: Node) -> bool:
    for one, _ in zip(ancestors(element), range(12), strict=False):
        if tag_of(one) == "body":
            return False
        names = (attribute(one, name) or "" for name in ("id", "class", "aria-label"))
        if _CONSENT.search(" ".join(names)):
            return True
    return False


def is_drawn(node: Node) -> bool:
    """Say whether *node* is a surface that shows what is in no tree."""
    return (
        tag_of(node) in DRAWN_TAGS
        or attribute(node, "role") == "application"
        or bool(DRAWN_CLASSES & set((attribute(node, "class") or "").split()))
    )


def _draws_answer(element: Node) -> bool:
    """Say whether a press on *element* may be answered by what is drawn: not a map's own buttons."""
    surface = closest(element, is_drawn)
    if surface is None or document_of(surface) is not document_of(element):
        return False
    control = closest(element, _is_control)
    stands = control is not None and control is not surface and is_within(control, surface)
    seen = "leaflet-container" in (attribute(surface, "class") or "").split() or not any(
        is_element(one) and tag_of(one) in DRAWN_TAGS - {"audio"} for one in surface.children()
    )
    return not stands or not seen


def _is_control(node: Node) -> bool:
    return (
        tag_of(node) in ("button", "input", "select", "textarea")
        or (tag_of(node) == "a" and attribute(node, "href") is not None)
        or attribute(node, "role") == "button"
    )
