"""Where an answer to a press is expected, and which nodes change of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from replay.derived.changes import Change
from replay.derived.elements import (
    ancestors,
    attribute,
    closest,
    document_of,
    form_of,
    is_within,
    label_of,
    labelled,
    parent_of,
    referred,
    tag_of,
)
from replay.mirror import Mirror
from replay.nodes import Node

CONTAINER_TAGS = frozenset(["dialog", "li", "form", "main", "nav", "aside", "header", "footer"])
CONTAINER_ROLES = frozenset(["dialog", "alertdialog", "listitem", "main", "navigation", "region"])
FIELDS = frozenset(["input", "select", "textarea"])
RELATED = ("aria-controls", "aria-owns", "aria-describedby", "popovertarget", "commandfor")

MEMORY_MS = 15_000
RECENT_MS = 3_000
APART_MS = 100  # changes closer together are one moment
KEPT = 60
ANCESTORS = 3


@dataclass(slots=True)
class Surroundings:
    """The *target*, what belongs to it, and the nearest landmark, dialog, form or list item."""

    target: Node
    own: list[Node]
    container: Node | None

    def has(self, node: Node) -> bool:
        """Say whether *node* lies in the surroundings, or around the target."""
        if any(is_within(node, one) for one in self.own) or is_within(self.target, node):
            return True
        return self.container is not None and is_within(node, self.container)


def surroundings(target: Node) -> Surroundings:
    """Return what is around *target*."""
    own = [target]
    related = [labelled(target), label_of(target) if tag_of(target) in FIELDS else None]
    own += [one for one in related if one is not None]
    for name in RELATED:
        own += referred(target, name)
    expanded = closest(target, lambda one: attribute(one, "aria-expanded") is not None)
    form = form_of(target)
    own += [one for one in (expanded, form) if one is not None]
    container = closest(parent_of(target), _is_container)
    if container is None or document_of(container) is not document_of(target):
        container = [*ancestors(target)][-1]
        for one in ancestors(target):
            if tag_of(one) == "body":
                container = one
                break
    return Surroundings(target, own, container)


def _is_container(node: Node) -> bool:
    tag, role = tag_of(node), attribute(node, "role")
    if tag in CONTAINER_TAGS or role in CONTAINER_ROLES:
        return True
    return tag == "section" and (
        attribute(node, "aria-label") is not None or attribute(node, "aria-labelledby") is not None
    )


class Background:
    """Nodes that change without anybody's doing: clocks, tickers, rotating banners."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._moments: dict[int, dict[str, list[float]]] = {}

    def note(self, change: Change, t: float) -> None:
        """Note a change that nobody's input explains."""
        times = self._moments.setdefault(change.node.id, {}).setdefault(change.sort, [])
        if not times or t - times[-1] >= APART_MS:
            times.append(t)
            del times[:-KEPT]

    def judge(self, change: Change, t0: float) -> str:
        """Return what the changes before *t0* say of *change*: background, unclear or new."""
        own = self._times(change.node, change.sort, t0)
        if len(own) >= 2:
            return "background"
        above = parent_of(change.node)
        for _ in range(ANCESTORS):
            if above is None:
                break
            for sort, times in self._moments.get(above.id, {}).items():
                # Nodes that a background mutator has just made are its own.
                if sort[0] == "+" and sum(1 for t in times if t >= t0 - MEMORY_MS) >= 2:
                    return "background"
            above = parent_of(above)
        return "unclear" if own and own[0] >= t0 - RECENT_MS else "new"

    def _times(self, node: Node, sort: str, t0: float) -> list[float]:
        return [t for t in self._moments.get(node.id, {}).get(sort, ()) if t0 - MEMORY_MS <= t < t0]
