"""
Fields from rrweb's input events: lengths, corrections, choices and refusals. Never a value.

What the other tool masked has its length still. Whether a password manager filled a field, or a text
was pasted, a recording does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from replay.derived.elements import (
    attribute,
    below,
    closest,
    document_of,
    form_of,
    input_type,
    is_checked,
    is_element,
    tag_of,
    text_of,
)
from replay.derived.looks import is_editable
from replay.derived.page import Page
from replay.derived.policy import harmless, is_sensitive
from replay.derived.validity import is_field, refusals
from replay.nodes import Node

Data = dict[str, Any]

PAUSE_MS = 5_000
BLUR_MS = 60
CHOICES_MS = 20_000
LONG, POINTS, CLEARED_FROM = 40, 20, 3
MOST_REFUSED = 100


@dataclass(slots=True)
class Progress:
    """What is known of one field since the page load, and of the visit to it that runs."""

    before: str = ""
    focused_at: float | None = None
    first_at: float | None = None
    last_at: float | None = None
    inputs: int = 0
    deletions: int = 0
    pauses: int = 0
    longest_pause: float = 0.0
    cleared: bool = False
    tallest: int = 0
    lengths: list[int] = field(default_factory=list)
    entered: bool = False
    returns: int = 0
    peak: int = 0
    fallen: bool = False
    refills: int = 0
    length: int = 0
    invalid: bool = False
    choices: list[tuple[float, str]] = field(default_factory=list)

    def enter(self, state: str, length: int, t: float) -> None:
        """The visitor comes to the field at *t*."""
        self.before, self.focused_at = state, t
        self.first_at = self.last_at = None
        self.inputs = self.deletions = self.pauses = self.tallest = 0
        self.longest_pause, self.cleared = 0.0, False
        self.length, self.lengths = length, [length]
        self.returns += self.entered

    def input(self, length: int, t: float) -> None:
        """The visitor typed: it has *length* now."""
        self.first_at = t if self.first_at is None else self.first_at
        if self.last_at is not None:
            self.longest_pause = max(self.longest_pause, t - self.last_at)
        self.last_at = t
        self.inputs += 1
        self.deletions += length < self.length
        self._turn(length)
        self.tallest = max(self.tallest, self.length)
        self.cleared = self.cleared or (self.tallest >= CLEARED_FROM and length == 0)
        self._refill(length)
        self.length = length

    def _turn(self, length: int) -> None:
        """Keep the turning points of the length only."""
        last = self.lengths[-1] if self.lengths else 0
        on = len(self.lengths) > 1 and (length - last) * (last - self.lengths[-2]) > 0
        if on:
            self.lengths[-1] = length
        elif length != last and len(self.lengths) < POINTS:
            self.lengths.append(length)

    def _refill(self, length: int) -> None:
        if self.fallen and length >= CLEARED_FROM:
            self.refills += 1
            self.fallen, self.peak = False, length
        elif not self.fallen:
            self.peak = max(self.peak, length)
            self.fallen = self.peak >= CLEARED_FROM and length <= self.peak / 4


class Fields:
    """The fields of one document."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._progress: dict[int, Progress] = {}
        self._begun: dict[int, float] = {}
        self._current: Node | None = None
        self._used_at = 0.0
        self.input_at = float("-inf")
        self._focus_told = False

    def first_input(self, form: Node) -> float | None:
        """Return when input in *form* began."""
        return self._begun.get(form.id)

    def focused(self, node: Node, t: float) -> None:
        """*node* got the focus."""
        self._focus_told = True
        if is_field(node) and self._watched(node) and node is not self._current:
            self._visit(node, t)

    def blurred(self, node: Node, t: float) -> None:
        """*node* lost the focus."""
        self._focus_told = True
        if not is_field(node) or not self._watched(node):
            return
        if self._current is node:
            self._current = None
        if self._of(node).focused_at is None:
            self._of(node).enter(state_of(node), length_of(node), t)
        told = self._describe(node, "blur", t)
        fact = self._page.emit("field", t, {**told, **self._verdict(node)})
        if self._of(node).length > 0:
            self._of(node).entered = True
        self._page.later(t + BLUR_MS, lambda: fact.facts.update(self._verdict(node)))

    def changed(self, node: Node, before: str, t: float, *, by_hand: bool | None) -> bool:
        """
        Take an input event of *node*, whose state was *before*; return whether a hand made it.

        *by_hand*: what the recording says of that, if it does.
        """
        if not is_field(node):
            return False
        if not self._focus_told and is_editable(node) and node is not self._current:
            if self._current is not None:
                self.blurred(self._current, t)  # its tool does not tell of the focus
                self._focus_told = False
            self._visit(node, t)
        chooses = _chooses(node)
        hand = by_hand if by_hand is not None else chooses or node is self._current
        if not hand or not self._watched(node):
            return bool(hand)
        self.input_at = t
        form = form_of(node)
        if form is not None:
            self._begun.setdefault(form.id, t)
        progress = self._of(node)
        if node is not self._current:
            progress.enter(before, 0, t)
        progress.input(length_of(node), t)
        if node is self._current:
            self._used(node, t)
        if chooses and not is_sensitive(node) and (is_checked(node) or input_type(node) != "radio"):
            self._chose(node, before, t)
        return True

    def refuse(self, form: Node, t: float) -> list[str]:
        """Tell each refused field of *form* as of *t*; return the keys of those fields."""
        names: list[str] = []
        for node, _ in zip(fields_of(form), range(MOST_REFUSED), strict=False):
            if self._watched(node) and refusals(node):
                self._of(node).invalid = True
                told = self._describe(node, "submit", t)
                self._page.emit("field", t, {**told, **self._verdict(node)})
                names.append(field_key(node))
        return [*dict.fromkeys(names)]

    def leave(self, t: float) -> None:
        """The page goes and takes the focus along."""
        node = self._current
        if node is not None and self._is_there(node) and self._of(node).inputs:
            self._page.emit("field", t, {**self._describe(node, "blur", t), **self._verdict(node)})

    def _visit(self, node: Node, t: float) -> None:
        self._current = node
        self._of(node).enter(state_of(node), length_of(node), t)
        self._used(node, t)

    def _used(self, node: Node, t: float) -> None:
        self._used_at = t
        self._page.later(t + PAUSE_MS, lambda: self._paused(node, t))

    def _paused(self, node: Node, since: float) -> None:
        if node is not self._current or self._used_at != since or not self._is_there(node):
            return
        progress = self._of(node)
        progress.pauses += 1
        if progress.inputs:
            told = self._describe(node, "pause", since + PAUSE_MS)
            self._page.emit("field", since + PAUSE_MS, {**told, "partial": True})

    def _chose(self, node: Node, before: str, t: float) -> None:
        """Tell a choice, and whether it led back to where the choices began."""
        holder = next(iter(_group(node)), node)
        history = self._of(holder).choices
        history[:] = [one for one in history if t - one[0] <= CHOICES_MS] + [(t, before)]
        restored = len(history) > 1 and history[0][1] == state_of(node)
        told = self._describe(node, "choice", t)
        self._page.emit("field", t, {**told, "choices": len(history), "restored": restored})

    def _describe(self, node: Node, cause: str, t: float) -> Data:
        target = self._page.describer.target(node)
        return {"target": target, **self._facts(node, t), "cause": cause}

    def _facts(self, node: Node, t: float) -> Data:
        progress, form = self._of(node), form_of(node)
        told: Data = {
            "field": field_key(node),
            "input_type": kind_of(node),
            "required": attribute(node, "required") is not None
            or attribute(node, "aria-required") == "true",
        }
        if form is not None:
            told["form"] = form_key(form, self._page)
        token = attribute(node, "autocomplete") or ""
        if re.fullmatch("[A-Za-z -]{2,40}", token):
            told["autocomplete"] = token.lower()
        if is_sensitive(node):
            return {**told, "sensitive": True}
        if progress.focused_at is not None:
            told["focus_ms"] = round(t - progress.focused_at)
            if progress.first_at is not None:
                told["first_input_ms"] = max(0, round(progress.first_at - progress.focused_at))
        if progress.inputs > 1:
            told["longest_pause_ms"] = round(progress.longest_pause)
        return told | {
            "keys": progress.inputs,
            "deletions": progress.deletions,
            "lengths": [_bucket(one) for one in progress.lengths],
            "length": _bucket(progress.length),
            "changed": state_of(node) != progress.before or progress.inputs > 0,
            "returns": progress.returns,
            "pauses": progress.pauses,
            "cleared": progress.cleared,
            "refills": progress.refills,
        }

    def _verdict(self, node: Node) -> Data:
        flags = refusals(node)
        self._of(node).invalid = bool(flags)
        return {"invalid": True, "invalid_flags": flags} if flags else {}

    def _of(self, node: Node) -> Progress:
        return self._progress.setdefault(node.id, Progress())

    def _watched(self, node: Node) -> bool:
        return not self._page.policy.ignored(node) and not self._page.policy.blocked(node)

    def _is_there(self, node: Node) -> bool:
        return self._page.mirror.nodes.get(node.id) is node


def state_of(node: Node) -> str:
    """Return what stands in a field, or is chosen; to compare, never to tell."""
    kind = input_type(node)
    if kind == "radio":
        return ",".join(str(at) for at, one in enumerate(_group(node)) if is_checked(one))
    if kind == "checkbox":
        return str(is_checked(node))
    return content_of(node)


def content_of(node: Node) -> str:
    if node.field is not None:
        return str(node.field[1]["text"])
    if tag_of(node) == "select":
        options = [one for one in below(node) if tag_of(one) == "option"]
        on = next((one for one in options if attribute(one, "selected") is not None), None)
        on = on or next(iter(options), None)
        return (attribute(on, "value") or text_of(on)) if on is not None else ""
    value = attribute(node, "value")
    return value if value is not None else text_of(node) if tag_of(node) != "input" else ""


def length_of(node: Node) -> int:
    return len(content_of(node)) if is_editable(node) else 0


def kind_of(node: Node) -> str:
    tag = tag_of(node)
    return input_type(node) or (tag if tag in ("select", "textarea") else "contenteditable")


def fields_of(form: Node) -> Iterator[Node]:
    """Give the fields in *form*."""
    return (one for one in below(form) if is_field(one))


def field_key(node: Node) -> str:
    """Return the page's own word for a field."""
    names = (attribute(node, name) or "" for name in ("name", "id", "autocomplete"))
    return next((one for one in names if _is_tellable(one)), kind_of(node))


def form_key(form: Node, page: Page) -> str:
    """Return the page's own word for a form."""
    for name in ("id", "name"):
        own = attribute(form, name) or ""
        if _is_tellable(own):
            return own
    action = attribute(form, "action")
    if action:
        return page.policy.place(action, page.href)
    forms = [one for one in below(document_of(form)) if tag_of(one) == "form"]
    return f"form {forms.index(form) + 1 if form in forms else 0}"


def _is_tellable(name: str) -> bool:
    rest = re.sub(r"\d+", lambda digits: digits[0] if len(digits[0]) > 4 else "", name)
    return name != "" and harmless(rest)


def _chooses(node: Node) -> bool:
    return tag_of(node) == "select" or input_type(node) in ("radio", "checkbox")


def _group(node: Node) -> list[Node]:
    """Return the radio buttons of one group; another field is alone."""
    name = attribute(node, "name")
    if input_type(node) != "radio" or not name:
        return [node]
    form = form_of(node)
    around = form if form is not None else closest(node, lambda one: tag_of(one) == "html")
    return [
        one
        for one in below(around or document_of(node))
        if is_element(one) and input_type(one) == "radio" and attribute(one, "name") == name
    ]


def _bucket(length: int) -> int:
    return round(length / 10) * 10 if length > LONG else length
