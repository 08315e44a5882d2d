"""Scrolling in legs, and a pointer that shakes or rests, from rrweb's positions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from replay.derived.elements import closest, element_of
from replay.derived.page import Page, shown
from replay.derived.press import is_drawn
from replay.mirror import DOCUMENT
from replay.nodes import Node

Data = dict[str, Any]

REST_MS, LEAST_PX, TURN_PX, MOST_LEGS = 1_000, 50, 10, 120
SAMPLE_MS, STEP_PX, SHAKE_MS, TURNS = 50, 12, 2_000, 4
RESTS_MS, REST_PX, MOST = 3_000, 40, 60


@dataclass(slots=True)
class Leg:
    """Movement of one scroller in one direction. *scripted*: a press made it."""

    node: Node
    start: float
    to: float
    moved: float
    scripted: bool


class Scrolling:
    """The scrolling of one document. How high its content is, a recording does not tell."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._legs: dict[int, Leg] = {}
        self._rested: dict[int, float] = {}
        self._told = 0

    def scrolled(self, node: Node, y: float, t: float, *, scripted: bool) -> None:
        """*node* is scrolled to *y* now."""
        leg = self._legs.get(node.id)
        if leg is None:
            start = self._rested.get(node.id, 0.0)
            leg = self._begin(node, start, t, scripted)
        leg.moved = t
        way = leg.to - leg.start
        if way and (y - leg.to) * way < 0 and abs(y - leg.to) >= TURN_PX:
            self._finish(leg, t)
            leg = self._begin(node, leg.to, t, scripted)
        if (y - leg.to) * (leg.to - leg.start or y - leg.to) > 0:
            leg.to = y
        self._page.later(t + REST_MS, lambda: self._rest(node.id))

    def pressed(self, t: float) -> None:
        """A press of the mouse ends what was so far."""
        for leg in [*self._legs.values()]:
            self._finish(leg, t)

    leave = pressed

    def restart(self) -> None:
        """Another page view begins."""
        self._told = 0

    def _begin(self, node: Node, start: float, t: float, scripted: bool) -> Leg:
        leg = self._legs[node.id] = Leg(node, start, start, t, scripted)
        return leg

    def _rest(self, id_: int) -> None:
        leg = self._legs.get(id_)
        if leg is not None and self._page.now - leg.moved >= REST_MS:
            self._finish(leg, self._page.now)

    def _finish(self, leg: Leg, t: float) -> None:
        page, node = self._page, leg.node
        self._legs.pop(node.id, None)
        self._rested[node.id] = leg.to
        px = round(abs(leg.to - leg.start))
        holder = element_of(node)
        if px < LEAST_PX or (holder is not None and page.policy.ignored(holder)):
            return
        self._told += 1
        if self._told > MOST_LEGS:
            return
        whole = node.data["type"] == DOCUMENT or holder is None
        height = page.mirror.meta.get("height") if whole else None
        facts = {
            "target": None if whole or holder is None else page.describer.target(holder),
            "direction": "down" if leg.to > leg.start else "up",
            "px": px,
            "screens": round(px / height, 3) if isinstance(height, int) and height else None,
            "programmatic": leg.scripted or None,
        }
        page.emit("scroll", t, shown(facts))


@dataclass(slots=True)
class Step:
    """Where the pointer was, how far from the step before, and whether it turned there."""

    t: float
    x: float
    y: float
    px: float
    turn: bool


class Cursor:
    """The mouse pointer of one document."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._steps: list[Step] = []
        self._way = (0.0, 0.0)
        self._until: float | None = None
        self._rest: tuple[float, float, float] | None = None
        self._over: Node | None = None
        self._sampled = float("-inf")
        self._left = {"shake": MOST, "rest": MOST}

    def moved(self, positions: list[Data], t: float) -> None:
        """The pointer was at *positions*."""
        for one in positions:
            at = t + one["timeOffset"]
            if self._until is not None and at >= self._until:
                self._shook()
            self._point(at, one["x"], one["y"], one["id"])

    def end(self, t: float) -> None:
        """Something else begins, or the page moves under the pointer."""
        self._shook()
        self._rested(t)
        self._steps = []

    def _point(self, t: float, x: float, y: float, id_: int) -> None:
        rest = self._rest
        if rest is None or math.hypot(x - rest[0], y - rest[1]) > REST_PX:
            self._rested(t)
            self._rest = (x, y, t)
        self._over = element_of(self._page.mirror.nodes.get(id_)) or self._over
        if t - self._sampled < SAMPLE_MS - 5:  # rrweb takes them every 50 ms, more or less
            return
        self._sampled = t
        self._step(t, x, y)

    def _step(self, t: float, x: float, y: float) -> None:
        last = self._steps[-1] if self._steps else None
        dx, dy = (x - last.x, y - last.y) if last else (0.0, 0.0)
        px = math.hypot(dx, dy)
        if last and px < STEP_PX:
            return
        turn = any(self._way) and px > 0 and dx * self._way[0] + dy * self._way[1] <= 0
        self._way = (dx, dy)
        self._steps.append(Step(t, x, y, px, turn))
        if self._until is not None:
            return
        self._steps = [one for one in self._steps if t - one.t <= SHAKE_MS]
        turns = [at for at, one in enumerate(self._steps) if one.turn]
        if len(turns) >= TURNS:
            self._steps = self._steps[max(0, turns[0] - 2) :]
            self._until = self._steps[0].t + SHAKE_MS

    def _shook(self) -> None:
        if self._until is None:
            return
        self._until = None
        steps, self._steps = self._steps, []
        node = self._place("shake")
        if node is None or len(steps) < 2:
            return
        path = sum(one.px for one in steps[1:])
        net = math.hypot(steps[-1].x - steps[0].x, steps[-1].y - steps[0].y)
        duration = max(1.0, steps[-1].t - steps[0].t)
        element, _ = self._page.looks.pressable(node)
        facts = {
            "kind": "shake",
            "target": self._page.describer.target(element),
            "turns": sum(one.turn for one in steps[1:]),
            "path_px": round(path),
            "net_px": round(net),
            "net_share": net / path if path else 0,
            "duration_ms": round(duration),
            "speed": round(path / duration * 1000),
            "media": closest(node, is_drawn) is not None,
        }
        self._page.emit("cursor", steps[-1].t, facts)

    def _rested(self, t: float) -> None:
        rest, self._rest = self._rest, None
        node = self._over
        if rest is None or t - rest[2] < RESTS_MS or node is None:
            return
        element, why = self._page.looks.pressable(node)
        if why is None or self._place("rest") is None:
            return
        facts = {
            "kind": "rest",
            "target": self._page.describer.target(element),
            "duration_ms": round(t - rest[2]),
            "media": closest(element, is_drawn) is not None,
        }
        self._page.emit("cursor", t, facts)

    def _place(self, kind: str) -> Node | None:
        node = self._over
        there = node is not None and self._page.mirror.nodes.get(node.id) is node
        if node is None or not there or self._page.policy.ignored(node):
            return None
        self._left[kind] -= 1
        return node if self._left[kind] >= 0 else None
