"""
Describes what an event happened to, as the snippet does: key, label, role and the path of ancestors.

Keys and paths must be those of our own recordings, so that exceptions and selectors of rules fit both.
"""

from __future__ import annotations

import re
from typing import Any

from replay.derived.elements import (
    ancestors,
    attribute,
    below,
    classes,
    closest,
    input_type,
    label_of,
    labelled,
    parent_of,
    referred,
    siblings,
    tag_of,
    texts,
)
from replay.derived.looks import Looks, is_content_editable, is_editable, is_selected
from replay.derived.policy import PRESSED_INPUTS, TEST_ATTRIBUTES, Policy, harmless, mask
from replay.nodes import Node

Data = dict[str, Any]

LANDMARK_TAGS = frozenset(["dialog", "main", "nav", "header", "footer", "aside", "form"])
LANDMARK_ROLES = frozenset(["dialog", "main", "navigation", "search", "region"])
PATH_LENGTH = 12
LABEL_LENGTH = 40

ROLES = {
    "a": "link", "button": "button", "select": "combobox", "textarea": "textbox", "summary": "button",
    "option": "option", "nav": "navigation", "main": "main", "aside": "complementary", "form": "form",
    "dialog": "dialog", "h1": "heading", "h2": "heading", "h3": "heading", "h4": "heading",
    "h5": "heading", "h6": "heading", "img": "img", "li": "listitem", "ul": "list", "ol": "list",
    "table": "table", "tr": "row", "td": "cell", "th": "columnheader", "p": "paragraph",
    "progress": "progressbar", "header": "banner", "footer": "contentinfo",
}  # fmt: skip
INPUT_ROLES = {
    "button": "button", "submit": "button", "reset": "button", "image": "button",
    "checkbox": "checkbox", "radio": "radio", "range": "slider", "number": "spinbutton",
    "search": "searchbox",
}  # fmt: skip

_MADE = re.compile(
    r"^(css|sc|jsx|svelte|emotion|radix|headlessui|mui|ember|react|rc|yui|ext|ng)-.*\d"
)
_UNNAMED = frozenset(["textarea", "select", "style", "script", "noscript", "iframe", "xmp"])


class Describer:
    """Describes elements of one recorded page."""

    def __init__(self, looks: Looks, policy: Policy) -> None:
        self._looks = looks
        self._policy = policy

    def target(self, node: Node) -> Data:
        """Return the facts of *node* as a target."""
        why = self._looks.why(node)
        control = labelled(node)
        blockage = self._looks.disabled(node) or (
            "attribute"
            if control is not None and self._looks.disabled(control) == "attribute"
            else None
        )
        told: Data = {
            "key": self.key(node),
            "node": node.id,
            "tag": tag_of(node),
            "input_type": input_type(node) or None,
            "role": self.role(node),
            "label": self.label(node),
            "interactive": True if why else None,
            "why": why,
            "disabled": True if blockage else None,
            "disabled_why": blockage,
            "selected": is_selected(node) or None,
            "editable": is_editable(node) or None,
            "path": [
                self._entry(one)
                for one, _ in zip(ancestors(node), range(PATH_LENGTH), strict=False)
            ],
        }
        return {name: value for name, value in told.items() if value is not None}

    def key(self, node: Node) -> str:
        """Return the stable key of *node*."""
        marked = self._test(node)
        if marked:
            return f"[{marked}]"
        own = attribute(node, "id")
        if own and _stable(own):
            return f"#{own}"
        landmark = closest(parent_of(node), _is_landmark)
        where = self._anchor(landmark) if landmark is not None else ""
        kind, name = self.role(node), self._released(node)
        if kind and name:
            return f'{kind} "{name[:LABEL_LENGTH]}"' + (f" in {where}" if where else "")
        return self._way(node) or tag_of(node)

    def _way(self, node: Node) -> str:
        steps: list[str] = []
        for one in ancestors(node):
            id_ = attribute(one, "id")
            if one is not node and id_ and _stable(id_):
                steps.insert(0, f"#{id_}")
                break
            if tag_of(one) in ("body", "html") or len(steps) == 4:
                break
            steps.insert(0, _step(one))
        return " > ".join(steps)

    def role(self, node: Node) -> str | None:
        found = _role(node)
        return found if found and _is_plain(found) else None

    def label(self, node: Node) -> str | None:
        """Return the accessible name of *node* as it may be shown."""
        name = self._name(node)
        if not name:
            return None
        return (name if self._policy.releases(name, node) else mask(name))[:LABEL_LENGTH]

    def _released(self, node: Node) -> str | None:
        name = self._name(node)
        return name if name and self._policy.releases(name, node) else None

    def _name(self, node: Node) -> str | None:
        """Return the accessible name, never a field's value."""
        tag = tag_of(node)
        is_button = input_type(node) in PRESSED_INPUTS
        is_field = (tag == "input" and not is_button) or tag in ("select", "textarea")
        hint = attribute(node, "placeholder")
        if hint and not self._policy.trusted and self._policy.preset_at(node) != "open":
            hint = mask(hint)
        image = next(
            (one for one in below(node) if tag_of(one) == "img" and attribute(one, "alt")), None
        )
        candidates = (
            " ".join(self._text(one) for one in referred(node, "aria-labelledby")),
            attribute(node, "aria-label"),
            self._text(label_of(node)) if is_field else None,
            attribute(node, "value") if is_button else None,
            None if is_field or is_content_editable(node) else self._text(node),
            attribute(node, "alt"),
            attribute(node, "title"),
            hint,
            attribute(image, "alt") if image is not None else None,
        )
        for one in candidates:
            text = " ".join((one or "").split())
            if text:
                return text[:80]
        return None

    def _text(self, node: Node | None) -> str:
        if node is None or sum(1 for one in node.children() if tag_of(one)) > 40:
            return ""
        text = ""
        for one in texts(node):
            parent = parent_of(one)
            if closest(parent, lambda at: tag_of(at) in _UNNAMED) is None:
                text += " " + self._policy.text(str(one.data.get("textContent") or ""), parent)
            if len(text) >= 120:
                break
        return text

    def _test(self, node: Node) -> str | None:
        values = (attribute(node, name) for name in TEST_ATTRIBUTES)
        return next((one for one in values if one and _is_safe(one)), None)

    def _anchor(self, landmark: Node) -> str:
        own = attribute(landmark, "id")
        return f"#{own}" if own and _stable(own) else self.role(landmark) or tag_of(landmark)

    def _entry(self, node: Node) -> Data:
        told: Data = {"tag": tag_of(node)}
        own = attribute(node, "id")
        if own and _is_safe(own):
            told["id"] = own
        if names := [one for one in classes(node) if _stable(one)][:8]:
            told["classes"] = names
        for name in ("role", "type"):
            value = attribute(node, name)
            if value and _is_plain(value):
                told[name] = value
        if marked := self._test(node):
            told["test"] = marked
        stolper = attribute(node, "data-stolper")
        if stolper and _is_plain(stolper):
            told["stolper"] = stolper
        ignore = attribute(node, "data-stolper-ignore")
        if ignore is not None:
            told["ignore"] = " ".join(filter(_is_plain, ignore.split())) or "all"
        return told


def _role(node: Node) -> str | None:
    explicit = (attribute(node, "role") or "").split()
    if explicit:
        return explicit[0]
    tag = tag_of(node)
    if tag == "input":
        return INPUT_ROLES.get(input_type(node), "textbox")
    return None if tag == "a" and attribute(node, "href") is None else ROLES.get(tag)


def _step(node: Node) -> str:
    tag = tag_of(node)
    own = next((one for one in classes(node) if _stable(one)), None)
    if own:
        return f"{tag}.{own}"
    same = [one for one in siblings(node) if tag_of(one) == tag]
    return f"{tag}:nth({same.index(node) + 1})" if len(same) > 1 else tag


def _is_landmark(node: Node) -> bool:
    tag, role = tag_of(node), attribute(node, "role")
    if tag in LANDMARK_TAGS or role in LANDMARK_ROLES:
        return True
    return tag == "section" and (
        attribute(node, "aria-label") is not None or attribute(node, "id") is not None
    )


def _is_plain(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z][\w -]{0,63}", value) is not None


def _is_safe(name: str) -> bool:
    rest = re.sub(r"\d+", lambda digits: digits[0] if len(digits[0]) > 4 else "", name)
    return len(name) <= 60 and harmless(rest)


def _stable(name: str) -> bool:
    """Say whether *name* is not made anew at every build or page load, which would split targets."""
    if not re.fullmatch(r"[A-Za-z_][\w-]*", name) or not _is_safe(name):
        return False
    if re.search(r"\d{4,}", name) or _MADE.match(name):
        return False
    tail = re.split("[-_]", name)[-1]
    return not (
        len(tail) >= 5
        and re.search(r"\d", tail)
        and re.search("[a-z]", tail, re.IGNORECASE)
        and not re.fullmatch(r"[a-z]+\d{1,3}", tail, re.IGNORECASE)
    )
