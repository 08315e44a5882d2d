"""
What looks pressable, why, and what disables it, as far as a recorded page tells.

Handlers of scripts and what only layout shows are not in a recording; of styles the cursor is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from replay.derived.elements import (
    ancestors,
    attribute,
    closest,
    input_type,
    is_checked,
    is_disabled,
    labelled,
    parent_of,
    tag_of,
)
from replay.derived.select import Selector, selectors
from replay.mirror import SHEETS, Mirror
from replay.nodes import Node

PRESSABLE_TAGS = frozenset(["button", "select", "textarea", "summary", "option"])
PRESSABLE_ROLES = frozenset(
    [
        "button",
        "link",
        "checkbox",
        "radio",
        "switch",
        "tab",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "option",
        "treeitem",
        "combobox",
        "textbox",
        "searchbox",
        "slider",
        "spinbutton",
    ]
)
TEXT_TYPES = frozenset(
    [
        "text",
        "search",
        "email",
        "url",
        "tel",
        "password",
        "number",
        "date",
        "time",
        "datetime-local",
        "month",
        "week",
    ]
)
HANDLERS = ("onclick", "onmousedown", "onmouseup", "onpointerdown", "onpointerup", "ontouchstart")
HIGHEST = 12
"""Elements above a press that are looked at."""

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_DECLARATION = re.compile(r"(?:^|;)\s*(cursor|pointer-events)\s*:\s*([^;]+)", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
MAX_CSS = 2_000_000
"""Characters of style texts that are looked through."""


class Looks:
    """Answers for one recorded page, as it is at the moment."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._known: tuple[tuple[Selector, dict[str, str]], ...] | None = None

    def forget(self) -> None:
        """The page's sheets have changed."""
        self._known = None

    def why(self, node: Node) -> str | None:
        """Return why *node* itself looks pressable; None if it does not."""
        tag = tag_of(node)
        if tag in PRESSABLE_TAGS or (tag in ("a", "area") and attribute(node, "href") is not None):
            return "tag"
        if tag == "input" and input_type(node) != "hidden":
            return "tag"
        if tag in ("video", "audio") and attribute(node, "controls") is not None:
            return "tag"
        if attribute(node, "role") in PRESSABLE_ROLES:
            return "role"
        if labelled(node) is not None:
            return "label"
        if tag in ("body", "html", ""):
            return None
        if re.fullmatch(r"\s*\d+\s*", attribute(node, "tabindex") or ""):
            return "tabindex"
        if any(attribute(node, name) is not None for name in HANDLERS):
            return "handler"
        parent = parent_of(node)
        if self.style(node, "cursor") == "pointer" and (
            parent is None or self.style(parent, "cursor") != "pointer"
        ):
            return "cursor"
        return None

    def pressable(self, node: Node) -> tuple[Node, str | None]:
        """Return the nearest element at or above *node* that looks pressable, and why; else *node*."""
        for depth, one in enumerate(ancestors(node)):
            if depth >= HIGHEST:
                break
            if found := self.why(one):
                return one, found
        return node, None

    def disabled(self, node: Node) -> str | None:
        """Return what disables *node*; None if nothing does."""
        if is_disabled(node):
            return "attribute" if attribute(node, "disabled") is not None else "fieldset"
        if closest(node, lambda one: attribute(one, "aria-disabled") == "true"):
            return "aria"
        if closest(node, lambda one: attribute(one, "inert") is not None):
            return "inert"
        if self.style(node, "pointer-events") == "none":
            return "pointer_events"
        return "cursor" if self.style(node, "cursor") == "not-allowed" else None

    def style(self, node: Node, name: str) -> str:
        """Return the cursor or the pointer-events of *node*, both inherited; "auto" if nothing says it."""
        rules = self._rules()
        for one in ancestors(node):
            if tag_of(one) in ("html", "body") and name == "cursor":
                break  # of the whole page: it tells nothing of one element
            found = _declared(attribute(one, "style") or "", name) or _by_rules(one, name, rules)
            if found and found != "inherit":
                return found
        return "auto"

    def _rules(self) -> tuple[tuple[Selector, dict[str, str]], ...]:
        if self._known is None:
            self._known = _rules_of("\n".join(_sheets(self._mirror)))
        return self._known


def restyles(mirror: Mirror, data: dict[str, Any]) -> bool:
    """Say whether the mutation *data*, which *mirror* has not applied yet, concerns a sheet."""
    told = [one["id"] for name in ("removes", "attributes", "texts") for one in data[name]]
    told += [one["parentId"] for one in data["adds"]]
    nodes = [node for id_ in told if (node := mirror.nodes.get(id_)) is not None]
    sheets = any(
        tag_of(one) in SHEETS or (one.parent is not None and tag_of(one.parent) in SHEETS)
        for one in nodes
    )
    return sheets or any(
        str(one["node"].get("tagName")).lower() in SHEETS
        or any(
            str(kid.get("tagName")).lower() in SHEETS for kid in one["node"].get("childNodes", ())
        )
        for one in data["adds"]
    )


def is_editable(node: Node) -> bool:
    """Say whether text can be typed into *node*."""
    tag = tag_of(node)
    if tag == "textarea":
        return True
    if tag == "input":
        kind = input_type(node)
        return kind in TEXT_TYPES or kind not in _OTHER_TYPES
    return attribute(node, "role") in ("textbox", "searchbox") or is_content_editable(node)


_OTHER_TYPES = frozenset(
    ["button", "submit", "reset", "image", "checkbox", "radio", "range", "color", "file", "hidden"]
)


def is_content_editable(node: Node) -> bool:
    holder = closest(node, lambda one: attribute(one, "contenteditable") is not None)
    return holder is not None and attribute(holder, "contenteditable") != "false"


def is_selected(node: Node) -> bool:
    """Say whether *node* is chosen already: the tab that is shown, a radio button that is on."""
    if attribute(node, "aria-selected") == "true":
        return True
    if attribute(node, "aria-current") not in (None, "", "false"):
        return True
    return input_type(node) == "radio" and is_checked(node)


def _sheets(mirror: Mirror) -> Iterator[str]:
    """Give the texts of the page's style sheets."""
    left = MAX_CSS
    for node in mirror.nodes.values():
        if tag_of(node) not in SHEETS:
            continue
        own = (node.own or {}).get("_cssText") or attribute(node, "_cssText")
        parts = [own] if own else [one.data.get("textContent") for one in node.children()]
        for text in parts:
            if isinstance(text, str) and len(text) <= left:
                left -= len(text)
                yield text
    for sheet in mirror.sheets.values():
        yield from _adopted(sheet.rules)


def _adopted(rules: Any) -> Iterator[str]:
    if isinstance(rules, str):
        try:
            rules = orjson.loads(rules)
        except orjson.JSONDecodeError:
            return
    for one in rules if isinstance(rules, list) else ():
        if isinstance(one, dict) and isinstance(one.get("rule"), str):
            yield one["rule"]


@lru_cache(maxsize=16)
def _rules_of(css: str) -> tuple[tuple[Selector, dict[str, str]], ...]:
    """Return the rules of *css* that say something of cursors, in order of precedence."""
    found: list[tuple[int, Selector, dict[str, str]]] = []
    for match in _RULE.finditer(_COMMENT.sub("", css)):
        declared = {
            name.lower(): value.replace("!important", "").strip().split(",")[-1].strip().lower()
            for name, value in _DECLARATION.findall(match[2])
        }
        if declared:
            understood, _ = selectors(match[1].split("}")[-1])
            found += [(one.weight, one, declared) for one in understood]
    found.sort(key=lambda one: one[0])  # stable: of equal weight the later one counts
    return tuple((one, declared) for _, one, declared in found)


def _declared(style: str, name: str) -> str | None:
    said = {key.lower(): value.strip().lower() for key, value in _DECLARATION.findall(style)}
    return said.get(name)


def _by_rules(
    node: Node, name: str, rules: tuple[tuple[Selector, dict[str, str]], ...]
) -> str | None:
    for one, declared in reversed(rules):
        if name in declared and one.matches(node):
            return declared[name]
    return None
