"""
Visits of a checkout with known truth: what each did is drawn first, its events are made of that.

The same seed makes the same visits. Nothing here uses what it is to test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from core.sqlite import SqliteStore
from tests.console.support import START, Visit

PROCESS = """
version: 1
processes:
  order:
    title: {en: Order, de: Bestellung}
    labels: {pay: {en: Payment, de: Zahlung}}
    steps:
      basket:  {event: page, where: {path: /basket}}
      address: {event: page, where: {path: /address}}
      voucher: {event: click, where: {target: "#voucher"}}
      pay:     {event: page, where: {path: /pay}}
      done:    {event: custom, where: {name: order_placed}}
    optional: [voucher]
    goal: done
    value: props.total
"""

STEPS = ("basket", "address", "voucher", "pay", "done")
PATHS = {"basket": "/basket", "address": "/address", "pay": "/pay"}
FIELDS = {"basket": ("quantity",), "address": ("street", "city", "zip"), "pay": ("iban", "owner")}
ELEMENTS = {"basket": ("#more", "#less"), "address": ("#next",), "pay": ("#buy", "#terms")}
SHELF = ("#zoom", "#add", 'link "More" in main')
ELSEWHERE = ("/", "/terms", "/shipping")
DEVICES = ("desktop", "mobile")
HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Press:
    """A press of *element* on *page*, *x* and *y* px in it; *dead*: a rule says that nothing answered."""

    page: str
    element: str
    x: int
    y: int
    dead: bool
    event: int  # which of the visit's events


@dataclass(slots=True)
class Truth:
    """What a visit did: *reached* with the offset in ms of each step, and where it was at the end."""

    id: str
    device: str
    start: int
    reached: dict[str, int] = field(default_factory=dict)
    completed: bool = False
    value: float | None = None
    page: str = ""
    box: str = ""  # key of the field
    element: str = ""
    went: str | None = None
    seen: list[str] = field(default_factory=list)  # pages as they came, ids in them as *
    took: list[str] = field(default_factory=list)  # steps as they came
    pressed: list[Press] = field(default_factory=list)  # what was looked at before all steps
    depths: dict[str, float] = field(
        default_factory=dict
    )  # by page, 0 to 1; not of pages that were not scrolled
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def furthest(self) -> str:
        return max(self.reached, key=STEPS.index)

    def came_to(self, step: str) -> bool:
        """Say whether this visit counts at *step*: an optional one has to be seen."""
        if not self.reached:
            return False
        if step == "voucher":
            return step in self.reached
        return STEPS.index(step) <= STEPS.index(self.furthest)


def visits(seed: int, count: int) -> list[Truth]:
    """Return *count* visits, drawn by *seed*."""
    rnd = random.Random(seed)
    return [_visit(rnd, f"visit{nth:05}") for nth in range(count)]


def _visit(rnd: random.Random, id_: str) -> Truth:
    truth = Truth(id_, rnd.choice(DEVICES), START + rnd.randrange(24) * HOUR)
    at = 0
    truth.events.append({"t": at, "type": "page", "path": "/", "nav": "load"})
    truth.seen.append("/")
    _look_around(random.Random(id_), truth)
    if rnd.random() < 0.2:
        return truth  # never came near it
    begun = rnd.choice(["basket"] * 9 + ["address"])  # some come by a link into the middle
    for step in ("basket", "address", "pay")[("basket", "address").index(begun) :]:
        at = _step(rnd, truth, step, at)
        if rnd.random() < {"basket": 0.3, "address": 0.25, "pay": 0.35}[step]:
            if rnd.random() < 0.5:
                truth.went = rnd.choice(ELSEWHERE)
                truth.seen.append(truth.went)
                truth.events.append(
                    {"t": at + 500, "type": "page", "path": truth.went, "nav": "link"}
                )
                truth.events.append(
                    {
                        "t": at + 900,
                        "type": "click",
                        "path": truth.went,
                        "target": _target("#other"),
                    }
                )
            return truth
    at += rnd.randrange(1_000, 4_000)
    truth.completed = True
    truth.value = rnd.choice([None, 10.0, 24.9, 99.5])
    props = {} if truth.value is None else {"total": truth.value}
    truth.reached["done"] = at
    truth.took.append("done")
    truth.events.append(
        {"t": at, "type": "custom", "path": "/pay", "name": "order_placed", "props": props}
    )
    return truth


def _look_around(rnd: random.Random, truth: Truth) -> None:
    """Let the visit see some pages within its first second, before all steps."""
    for nth in range(rnd.randrange(4)):
        shelf = rnd.choice(("/item/", "/list/"))
        name = rnd.choice(("17", "4711")) if shelf == "/item/" else rnd.choice("ab")
        truth.seen.append(shelf + (name if shelf == "/list/" else "*"))
        at = 100 + 200 * nth
        truth.events.append({"t": at, "type": "page", "path": shelf + name, "nav": "link"})
        _use(rnd, truth, shelf + name, at)


def _use(rnd: random.Random, truth: Truth, path: str, at: int) -> None:
    """Let the visit press and scroll on the page that it sees last, within 200 ms."""
    page = truth.seen[-1]
    for nth in range(rnd.randrange(4)):
        name, x, y = rnd.choice(SHELF), rnd.randrange(200), rnd.randrange(40)
        dead = name == "#zoom" and rnd.random() < 0.5
        truth.pressed.append(Press(page, name, x, y, dead, len(truth.events)))
        truth.events.append(
            {"t": at + 10 * nth + 10, "type": "click", "path": path, "target": _target(name),
             "trusted": True, "offset_x": x, "offset_y": y}
        )  # fmt: skip
    if rnd.random() < 0.6:
        depth = rnd.randrange(20, 101) / 100
        truth.depths[page] = max(depth, truth.depths.get(page, 0))
        truth.events.append(
            {"t": at + 90, "type": "scroll", "path": path, "direction": "down", "depth": depth}
        )


def _step(rnd: random.Random, truth: Truth, step: str, at: int) -> int:
    """Let the visit come to *step* and do some things there; return when it is through with them."""
    at += rnd.randrange(1_000, 60_000)
    path = PATHS[step]
    truth.reached[step] = at
    truth.seen.append(path)
    truth.took.append(step)
    truth.page, truth.box, truth.element = path, "", ""
    truth.events.append({"t": at, "type": "page", "path": path, "nav": "link"})
    for name in rnd.sample(FIELDS[step], rnd.randrange(len(FIELDS[step]) + 1)):
        at += rnd.randrange(500, 9_000)
        truth.box = name
        truth.events.append(
            {"t": at, "type": "field", "path": path, "field": name, "form": step, "keys": 4}
        )
    if step == "address" and rnd.random() < 0.3:
        at += 700
        truth.reached["voucher"] = at
        truth.took.append("voucher")
        truth.box, truth.element = (
            "",
            "#voucher",
        )  # a step of its own: what came before was another's
        truth.events.append({"t": at, "type": "click", "path": path, "target": _target("#voucher")})
    if rnd.random() < 0.7:
        at += rnd.randrange(200, 3_000)
        truth.element = rnd.choice(ELEMENTS[step])
        truth.events.append(
            {"t": at, "type": "click", "path": path, "target": _target(truth.element)}
        )
    if step == "basket" and rnd.random() < 0.2:  # a look at it again changes nothing
        at += 900
        truth.seen.append(path)
        truth.took.append(step)
        truth.events.append({"t": at, "type": "page", "path": path, "nav": "reload"})
    return at


def _target(key: str) -> dict[str, Any]:
    return {"key": key, "label": f"Button {key[1:]}", "path": [{"tag": "button", "id": key[1:]}]}


async def stored(store: SqliteStore, truths: list[Truth]) -> None:
    """Write the visits into *store* as the collector would, and end them."""
    for truth in truths:
        visit = Visit(store, truth.id, start=truth.start, attributes={"device": truth.device})
        await visit.send([{"tab": "tab-1", **event} for event in truth.events])
        await store.end_session(truth.id, "left")
