"""
Visits of a checkout in which one struggle is known to make people leave the payment, and five others do not.

What each visit did is drawn first; its events and flags are made of that. The same seed makes the same visits, and
nothing here uses what it is to test.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from core.causes import Encounters, Exposure, Stratum
from core.sqlite import SqliteStore
from tests.console.support import START, Visit

PROCESS = """
version: 1
processes:
  order:
    title: {en: Order, de: Bestellung}
    labels: {pay: {en: Payment, de: Zahlung}}
    steps:
      basket: {event: page, where: {path: /basket}}
      pay:    {event: page, where: {path: /pay}}
      done:   {event: custom, where: {name: order_placed}}
    goal: done
    value: props.total
rules:
  - id: gone
    title: {en: Gone, de: Gegangen}
    severity: low
    sequence:
      - {event: page, as: p, where: {path: /pay}}
      - {absent: {event: custom}, or_end: true}
tests:
  - rule: gone
    name: nothing came
    events: [{at: 0s, event: page, path: /pay}, {at: 1s, event: session_end}]
    expect: [{at: 1s}]
  - rule: gone
    name: an order came
    events: [{at: 0s, event: page, path: /pay}, {at: 1s, event: custom, name: order_placed}]
    expect: []
"""
"""A process, and a rule of which a flag says no more than that somebody left."""

CAUSE = "cause"
DECOYS = ("phones", "sale", "often", "rare", "away")
"""Met rather on phones; by those who came for the sale; by many; by few; on a page that is seen by who leaves anyway."""

RISKS = {"/": 0.10, "/sale": 0.22, "/mail": 0.15}
"""What share of those who first came there leaves the payment, of those without the cause; half as many again on phones."""


@dataclass(slots=True)
class Case:
    """A visit. *met* are struggles at the payment, *early* at the basket; it *saw* the help while at the payment."""

    id: str
    device: str
    entry: str
    came: bool
    met: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)
    saw: bool = False
    left: bool = False
    worth: float = 0.0

    @property
    def group(self) -> tuple[str, str]:
        """Return in what it is like others."""
        return self.device, self.entry


def cases(seed: int, count: int, lift: float, share: float = 0.12) -> list[Case]:
    """Return *count* visits; a *share* of them meets the cause and leaves *lift* times as often as without it."""
    rnd = random.Random(seed)
    return [_case(rnd, f"case{nth:05}", lift, share) for nth in range(count)]


def _case(rnd: random.Random, id_: str, lift: float, share: float) -> Case:
    case = Case(id_, rnd.choice(("desktop", "mobile")), rnd.choice([*RISKS]), rnd.random() < 0.85)
    phone, sale = case.device == "mobile", case.entry == "/sale"
    case.worth = rnd.choice((10.0, 20.0, 60.0))
    case.early = {name for name in ("often", CAUSE) if rnd.random() < 0.1}
    if not case.came:
        return case
    chances = {
        CAUSE: share * (1.3 if phone else 0.7),
        "phones": 0.45 if phone else 0.05,
        "sale": 0.6 if sale else 0.05,
        "often": 0.3,
        "rare": 0.04,
    }
    case.met = {name for name, chance in chances.items() if rnd.random() < chance}
    risk = RISKS[case.entry] * (1.5 if phone else 1.0) * (lift if CAUSE in case.met else 1.0)
    case.left = rnd.random() < risk
    case.saw = rnd.random() < (0.6 if case.left else 0.1)
    if case.saw and rnd.random() < 0.5:
        case.met.add("away")
    return case


def met_of(all_: Iterable[Case], key: Callable[[str], str] = str) -> Encounters:
    """Return what was met at the payment, counted one by one; *key* is what a struggle is called."""
    here = [one for one in all_ if one.came]
    exposures = []
    for name in (CAUSE, *DECOYS):
        near = [one for one in here if name != "away" or one.saw]
        groups = sorted({one.group for one in near})
        strata = [_counted([one for one in near if one.group == group], name) for group in groups]
        page = "/help" if name == "away" else ""
        met = [one for one in here if name in one.met]
        done = sum(not one.left for one in met)
        enough = min(len(met), len(near) - len(met)) >= 20
        both = tuple(one for one in strata if one.met and one.others and enough)
        if met:
            exposures.append(Exposure(key(name), page, _counted(near, name), done, both))
    some = [one for one in here if one.met]
    gone = sum(one.left for one in here)
    any_ = _counted([*some, *(one for one in here if not one.met)], None)
    values = sorted(one.worth for one in here if not one.left)
    return Encounters(
        "order/pay", len(here), gone, len(here) - gone, len(here) - gone, any_,
        tuple(sorted(exposures, key=lambda one: (-one.all.met, one.struggle, one.page))),
        (values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2 if values else None,
    )  # fmt: skip


def _counted(some: list[Case], name: str | None) -> Stratum:
    met = [one for one in some if (bool(one.met) if name is None else name in one.met)]
    left = sum(one.left for one in met)
    return Stratum(left, len(met), sum(one.left for one in some) - left, len(some) - len(met))


async def stored(store: SqliteStore, all_: Iterable[Case]) -> None:
    """Write the visits into *store* as the collector and the detector would, and end them."""
    for case in all_:
        visit = Visit(store, case.id, start=START, attributes={"device": case.device})
        await visit.send([{"tab": "tab-1", **event} for event in _events(case)])
        for nth, name in enumerate(sorted(case.early)):
            await visit.flag(name, at=1_500 + nth, title=name, label=name, page="/basket")
        for nth, name in enumerate(sorted(case.met)):
            page = "/help" if name == "away" else "/pay"
            await visit.flag(name, at=(4_100 if name == "away" else 3_000) + nth, title=name, label=name, page=page)  # fmt: skip
        if case.came and case.left:
            await visit.flag("gone", at=6_000, title="Gone", label="gone", page="/pay")
        await store.end_session(case.id, "left")


def _events(case: Case) -> list[dict[str, Any]]:
    events = [_page(0, case.entry), _page(1_000, "/basket")]
    if case.came:
        events.append(_page(2_000, "/pay"))
        if case.saw:
            events.append(_page(4_000, "/help"))
            if not case.left:
                events.append(_page(4_500, "/pay"))
        if not case.left:
            events.append({
                "t": 5_000, "type": "custom", "path": "/pay", "name": "order_placed", "props": {"total": case.worth},
            })  # fmt: skip
    path = events[-1]["path"]
    return [*events, {"t": 6_000, "type": "leave", "path": path, "kind": "close"}]


def _page(t: int, path: str) -> dict[str, Any]:
    return {"t": t, "type": "page", "path": path, "nav": "link"}
