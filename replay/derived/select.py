"""
Matches CSS selectors on a mirrored page.

Knows what can be told without a browser: tags, ids, classes, attributes, places among siblings and a
few states. A selector with anything else is not understood, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from replay.derived.elements import (
    attribute,
    classes,
    is_checked,
    is_disabled,
    is_element,
    parent_of,
    siblings,
    tag_of,
)
from replay.nodes import Node

_NAME = r"(?:[\w-]|[^\x00-\x7f]|\\.)+"
_PART = re.compile(
    rf"""(?P<tag>\*|{_NAME})|\#(?P<id>{_NAME})|\.(?P<class>{_NAME})|
    \[\s*(?P<name>[\w:-]+)\s*(?:(?P<how>[~|^$*]?=)\s*(?P<value>"[^"]*"|'[^']*'|{_NAME})\s*(?P<fold>[iIsS]?)\s*)?\]|
    :(?P<not>not)\((?P<inner>[^()]*)\)|:(?P<state>[a-z-]+)(?![\w(-])""",
    re.VERBOSE,
)
_COMBINATOR = re.compile(r"\s*([>+~])\s*|\s+")
_SPLIT = re.compile(r",(?![^(\[]*[)\]])")

Test = Callable[[Node], bool]


@dataclass(slots=True)
class Compound:
    """What one element must be: all of *tests*. *weight* is the specificity as one number."""

    tests: list[Test] = field(default_factory=list)
    weight: int = 0

    def holds(self, node: Node) -> bool:
        return all(test(node) for test in self.tests)


@dataclass(slots=True)
class Selector:
    """Compounds from the last to the first, each with what leads to the one before: ' ', '>', '+', '~'."""

    steps: list[tuple[Compound, str]]

    @property
    def weight(self) -> int:
        return sum(compound.weight for compound, _ in self.steps)

    def matches(self, node: Node) -> bool:
        return self.steps[0][0].holds(node) and self._rest(node, 0)

    def _rest(self, node: Node, at: int) -> bool:
        if at + 1 == len(self.steps):
            return True
        following = self.steps[at + 1][0]
        return any(
            following.holds(one) and self._rest(one, at + 1)
            for one in _reached(node, self.steps[at][1])
        )


def _reached(node: Node, combinator: str) -> Iterable[Node]:
    if combinator in " >":
        parent = parent_of(node)
        while parent is not None:
            yield parent
            parent = None if combinator == ">" else parent_of(parent)
        return
    before = list(siblings(node))
    at = before.index(node)
    yield from reversed(before[max(0, at - 1) : at] if combinator == "+" else before[:at])


@lru_cache(maxsize=4096)
def selector(text: str) -> Selector | None:
    """Return the complex selector *text*; None if it cannot be told without a browser."""
    steps: list[tuple[Compound, str]] = []
    compound, at, text = Compound(), 0, text.strip()
    while at < len(text):
        part = _PART.match(text, at)
        if part is not None and not (part["tag"] and compound.tests):
            test = _test(part)
            if test is None:
                return None
            compound.tests.append(test)
            compound.weight += 100 if part["id"] else 1 if part["tag"] else 10
            at = part.end()
            continue
        between = _COMBINATOR.match(text, at)
        if between is None or not compound.tests:
            return None
        steps.append((compound, between[1] or " "))
        compound, at = Compound(), between.end()
    if not compound.tests:
        return None
    steps.append((compound, ""))
    # Each step keeps what leads from it to the one before it.
    links = [link for _, link in steps[:-1]]
    return Selector(
        [
            (one, link)
            for (one, _), link in zip(reversed(steps), [*reversed(links), ""], strict=True)
        ]
    )


def selectors(text: str) -> tuple[list[Selector], bool]:
    """Return the selectors of the list *text* that are understood, and whether all are."""
    found = [selector(one) for one in _SPLIT.split(text) if one.strip()]
    return [one for one in found if one is not None], None not in found


def _test(part: re.Match[str]) -> Test | None:
    if part["tag"]:
        name = part["tag"].lower()
        return is_element if name == "*" else lambda node: tag_of(node) == name
    if part["id"]:
        return lambda node: attribute(node, "id") == part["id"]
    if part["class"]:
        return lambda node: part["class"] in classes(node)
    if part["name"]:
        return _attribute_test(part)
    if part["not"]:
        inner, whole = selectors(part["inner"])
        if not whole or not inner:
            return None
        return lambda node: not any(one.matches(node) for one in inner)
    return _STATES.get(part["state"])


def _attribute_test(part: re.Match[str]) -> Test:
    name, how, value = part["name"], part["how"], part["value"] or ""
    if value[:1] in ('"', "'"):
        value = value[1:-1]
    fold = (part["fold"] or "").lower() == "i"
    value = value.lower() if fold else value
    compare = _COMPARE.get(how or "")

    def test(node: Node) -> bool:
        there = attribute(node, name)
        if there is None or compare is None:
            return there is not None
        return compare(there.lower() if fold else there, value)

    return test


_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda there, value: there == value,
    "~=": lambda there, value: value in there.split(),
    "^=": lambda there, value: bool(value) and there.startswith(value),
    "$=": lambda there, value: bool(value) and there.endswith(value),
    "*=": lambda there, value: bool(value) and value in there,
    "|=": lambda there, value: there == value or there.startswith(value + "-"),
}


def _is_link(node: Node) -> bool:
    return tag_of(node) in ("a", "area") and attribute(node, "href") is not None


_STATES: dict[str, Test] = {
    "disabled": is_disabled,
    "enabled": lambda node: not is_disabled(node),
    "checked": is_checked,
    "link": _is_link,
    "any-link": _is_link,
    "first-child": lambda node: next(iter(siblings(node)), None) is node,
    "last-child": lambda node: [*siblings(node)][-1] is node,
    "required": lambda node: attribute(node, "required") is not None,
    "root": lambda node: tag_of(node) == "html",
}
