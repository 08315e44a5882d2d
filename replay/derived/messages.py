"""Messages that appear: alerts, status texts, live regions, toasts, errors of fields."""

from __future__ import annotations

import re
from collections.abc import Callable

from replay.derived.changes import Change
from replay.derived.elements import (
    ancestors,
    attribute,
    below,
    is_hidden,
    is_within,
    tag_of,
    text_of,
)
from replay.derived.fields import field_key
from replay.derived.page import Page
from replay.derived.validity import field_of_message, is_field, looks_like_error
from replay.derived.wording import masked_message, short_hash
from replay.nodes import Node

TOAST = re.compile(
    r"(^|[-_\s])(toast|snackbar|notification|notice|flash|growl|alert|message-box)([-_\s]|$)",
    re.IGNORECASE,
)
SUCCESS = re.compile(r"(^|[-_\s])(success|ok|done|valid|erfolg)([-_\s]|$)", re.IGNORECASE)
WARNING = re.compile(r"(^|[-_\s])(warn|warning|warnung|caution)([-_\s]|$)", re.IGNORECASE)
ERROR = re.compile(r"(^|[-_\s])(error|danger|invalid|fail(ed|ure)?|fehler)", re.IGNORECASE)
WORTH_A_LOOK = re.compile("error|toast|invalid", re.IGNORECASE)
LIVE_ROLES = frozenset(["alert", "status", "log"])
SHORT_TAGS = frozenset(["p", "div", "span", "small", "li", "em", "strong"])
AGAIN_MS, SETTLE_MS, MOST = 1_000, 30, 200

Heard = Callable[[float, str, Node], None]
"""Is told when, how severe, and where a message appeared."""


class Messages:
    """The messages of one document."""

    def __init__(self, page: Page, heard: Heard) -> None:
        self._page = page
        self._heard = heard
        self._last: dict[int, tuple[str, float]] = {}
        self._waiting: dict[int, tuple[Node, str]] = {}
        self._told = 0

    def mutated(self, changes: list[Change], t: float) -> None:
        """Look at what *changes* show."""
        for change in changes:
            self._consider(change.node, t)
            for node in change.added:
                self._inside(node, t)

    def _inside(self, root: Node, t: float) -> None:
        if tag_of(root) in ("script", "style", "link", "meta"):
            return
        if _kind(root) is not None:
            self._consider(root, t)
            return
        found = [one for one in below(root) if _is_worth_a_look(one)]
        for one in found[:10]:
            self._consider(one, t)

    def _consider(self, node: Node, t: float) -> None:
        for depth, one in enumerate(ancestors(node)):
            if depth >= 5:
                return
            kind = _kind(one)
            if kind is not None:
                if not self._waiting:
                    self._page.later(t + SETTLE_MS, self._flush)
                self._waiting[one.id] = one, kind
                return

    def _flush(self) -> None:
        found = [*self._waiting.values()]
        self._waiting = {}
        for node, kind in found:
            if not any(other is not node and is_within(other, node) for other, _ in found):
                self._tell(node, kind)

    def _tell(self, node: Node, kind: str) -> None:
        page = self._page
        text = " ".join(text_of(node).split())
        there = page.mirror.nodes.get(node.id) is node
        if not text or len(text) > 600 or not there or is_hidden(node) or page.policy.ignored(node):
            return
        own, t = short_hash(masked_message(text, page.policy, page.href)), page.now
        before = self._last.get(node.id)
        if before is not None and before[0] == own and t - before[1] < AGAIN_MS:
            return
        self._last[node.id] = own, t
        self._told += 1
        if self._told > MOST:
            return
        field, severity = field_of_message(node), _severity(node, kind)
        facts = {
            "target": page.describer.target(node),
            "kind": kind,
            "severity": severity,
            "hash": own,
        }
        if field is not None and is_field(field):
            facts["field"] = field_key(field)
        page.emit("message", t, facts)
        self._heard(t, severity, node)


def _names(node: Node) -> str:
    return f"{attribute(node, 'class') or ''} {attribute(node, 'id') or ''}"


def _kind(node: Node) -> str | None:
    """Return how *node* is recognised as a message; None if it is none."""
    tag, role = tag_of(node), attribute(node, "role")
    if not node.data["attributes"] and tag != "output":
        return None
    if role == "alert":
        return "field" if field_of_message(node) is not None else "alert"
    if role == "status" or tag == "output":
        return "status"
    if role in LIVE_ROLES or attribute(node, "aria-live") in ("polite", "assertive"):
        return "live"
    error = looks_like_error(node)
    if error and not is_field(node) and field_of_message(node) is not None:
        return "field"
    if TOAST.search(_names(node)) and tag != "body":
        return "toast"
    return "alert" if error and tag in SHORT_TAGS and _is_short(node) else None


def _is_short(node: Node) -> bool:
    text = text_of(node)
    return (
        len(text.strip()) > 0
        and len(text) < 300
        and not any(tag_of(one) in ("input", "select", "textarea", "button") for one in below(node))
    )


def _is_worth_a_look(node: Node) -> bool:
    return (
        attribute(node, "role") in LIVE_ROLES
        or tag_of(node) == "output"
        or attribute(node, "aria-live") in ("polite", "assertive")
        or WORTH_A_LOOK.search(attribute(node, "class") or "") is not None
    )


def _severity(node: Node, kind: str) -> str:
    inner = next((one for one in below(node)), None)
    names = f"{_names(node)} {_names(inner) if inner is not None else ''}"
    if looks_like_error(node) or ERROR.search(names):
        return "error"
    if SUCCESS.search(names):
        return "success"
    if WARNING.search(names):
        return "warning"
    return "error" if kind in ("alert", "field") else "info"
