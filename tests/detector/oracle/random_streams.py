"""
Random sessions of the vocabulary of `random_rules`: short, clustered, with gaps on window edges.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.detector.oracle.random_rules import KEYS, PATHS

START = 1_700_000_000_000.0
IDLE_MS = 30 * 60_000
_EDGES = (100, 500, 1000, 2000, 5000, 10_000)

Event = dict[str, Any]


@dataclass
class Stream:
    """A session: its events in the order in which they happened, and how it ended."""

    attributes: dict[str, Any]
    events: list[Event]
    end: tuple[float, str]
    horizon: float | None


def stream(seed: int, least: int = 5, most: int = 60) -> Stream:
    """Return the session of *seed*, of *least* to *most* events."""
    rng = random.Random(f"stream {seed}")
    attributes: dict[str, Any] = {"site": "shop", "device": rng.choice(["desktop", "mobile"])}
    if rng.random() < 0.5:
        attributes["language"] = rng.choice(["de", "en"])
    if rng.random() < 0.3:
        attributes["bot"] = True
    loads = [
        {"page_load": f"load{n}", "tab": f"tab{rng.randint(0, n)}", "origin": -1000.0 * n, "i": 0}
        for n in range(rng.choice([1, 1, 2, 3]))
    ]
    share = rng.choice([0.0, 0.0, 0.1])  # of visibility events
    now, events = 0.0, []
    load = rng.choice(loads)
    for _ in range(rng.randint(least, most)):
        now += _gap(rng)
        if rng.random() < 0.2:
            load = rng.choice(loads)
        # A page load begins with its page event, which says whether its tab is shown.
        kind = "page" if load["i"] == 0 else _kind(rng, share)
        events.append(_event(rng, now, load, kind))
    kind = rng.choice(["left", "idle", "ended"])
    if kind == "left":
        for load in loads:
            if load["i"]:
                now += _gap(rng)
                events.append({**_event(rng, now, load, "leave"), "kind": "close"})
    end = events[-1]["ts"]
    return Stream(attributes, events, (end, kind), end + IDLE_MS if kind == "idle" else None)


def _gap(rng: random.Random) -> float:
    """Return a gap: mostly short, often on the edge of a window or 1 ms beside it."""
    kind = rng.random()
    if kind < 0.1:
        return 0.0
    if kind < 0.6:
        return float(rng.choice([1, 20, 50, 99, 100, 101, 200, 250]))
    return float(rng.choice(_EDGES) + rng.choice([-1, 0, 0, 1]))


def _kind(rng: random.Random, share: float) -> str:
    if rng.random() < share:
        return "visibility"
    return rng.choice(["click"] * 4 + ["page"] * 3 + ["form"] * 2 + ["custom"] * 3
                      + ["field"] * 2 + ["error", "message"])  # fmt: skip


def _event(rng: random.Random, now: float, load: dict[str, Any], kind: str) -> Event:
    event = {
        "type": kind, "ts": START + now, "t": now - load["origin"], "i": load["i"],
        "page_load": load["page_load"], "tab": load["tab"], "view": 0, "path": rng.choice(PATHS),
    }  # fmt: skip
    load["i"] += 1
    return {**event, **_fields(rng, kind)}


def _fields(rng: random.Random, kind: str) -> Event:
    """Return the fields of an event of *kind*; each optional one is there now and then."""

    def maybe(**fields: Any) -> Event:
        return {name: one for name, one in fields.items() if rng.random() < 0.6}

    if kind == "click":
        path = [{"tag": "button"}, {"tag": rng.choice(["div", "form"])}]
        if rng.random() < 0.3:
            path[rng.randrange(2)]["classes"] = ["c", "x"]  # type: ignore[assignment] -- a list
        if rng.random() < 0.2:
            path[1]["id"] = "d"
        if rng.random() < 0.1:
            path[1]["ignore"] = rng.choice(["r0", "all", "r1 r2"])
        target = {"tag": "button", "path": path, **maybe(key=rng.choice(KEYS), disabled=True)}
        return {
            "target": target, "trusted": True,
            **maybe(answered_ms=rng.choice([0, 100, 101, 200]), modifiers=["alt"], cut=True),
        }  # fmt: skip
    if kind == "leave":
        return {}
    if kind == "visibility":
        return {"state": rng.choice(["hidden", "visible"])}
    if kind == "page":
        return {
            "visible": rng.random() < 0.85,
            **maybe(nav=rng.choice(["load", "reload", "route"])),
        }
    if kind == "form":
        return maybe(form=rng.choice(KEYS), outcome=rng.choice(["refused", "accepted"]), cut=True)
    if kind == "field":
        return maybe(form=rng.choice(KEYS), field=rng.choice(KEYS), invalid=True,
                     keys=rng.randint(0, 2))  # fmt: skip
    if kind == "error":
        return maybe(message=rng.choice(["abc", "abd", "xyz"]), first_party=True)
    if kind == "message":
        return {"kind": "alert", **maybe(severity=rng.choice(["error", "info"]), hash="h")}
    props = maybe(n=rng.randint(0, 2), ok=rng.choice([True, False]), s=rng.choice(KEYS))
    return {"name": rng.choice(KEYS), "props": props}
