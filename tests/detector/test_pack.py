"""The shipped rules together: quiet visits raise nothing, one trouble raises one flag."""

from __future__ import annotations

from typing import Any

import pytest

from detector.engine import Engine
from detector.loader import load_rules, shipped_rules

Event = dict[str, Any]
START = 1_700_000_000_000.0

BUTTON = {"tag": "button", "interactive": True, "path": [{"tag": "button"}]}
ANSWERED = {"answered_ms": 20.0, "answer": "mutation"}


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Return the shipped rules, compiled."""
    return Engine(load_rules([shipped_rules()]))


class Visit:
    """Puts events together: each comes *after* seconds behind the one before, on the page shown."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._ts = START
        self._path = "/"

    def then(self, after: float, type_: str, **fields: Any) -> Visit:
        """Add an event."""
        self._ts += after * 1000
        self._path = fields.pop("path", self._path)
        number = len(self.events)
        envelope = {"i": number, "t": self._ts - START, "ts": self._ts, "page_load": "p"}
        self.events.append(
            {**envelope, "tab": "t", "view": 0, "path": self._path, "type": type_, **fields}
        )
        return self

    def page(self, after: float, path: str, shown_ms: float = 30_000, **fields: Any) -> Visit:
        """Leave the page for *path* by a link."""
        came_from = self._path
        self.then(after, "leave", kind="link", visible_ms=shown_ms)
        told = {
            "nav": "load",
            "visible": True,
            "referrer": "same",
            "from_path": came_from,
            "status": 200,
            **fields,
        }
        return self.then(0.3, "page", path=path, **told)

    def press(self, after: float, key: str, **fields: Any) -> Visit:
        """Press a button."""
        facts = {"trusted": True, "pointer": "mouse", "button": 0, "x": 50.0, "y": 50.0}
        return self.then(after, "click", target={**BUTTON, "key": key}, **facts, **fields)

    def fill(self, after: float, field: str, **fields: Any) -> Visit:
        """Fill in a field of the form "address"."""
        facts = {"input_type": "text", "required": True, "keys": 8, "length": 8, "changed": True}
        known = {"first_input_ms": 900.0, "focus_ms": 4000.0, "cause": "blur", **facts}
        return self.then(after, "field", form="address", field=field, **{**known, **fields})

    def leave(self, after: float, kind: str = "close", visible_ms: float = 15_000) -> Visit:
        """Leave the site."""
        return self.then(after, "leave", kind=kind, visible_ms=visible_ms)


def raised(engine: Engine, visit: Visit) -> list[str]:
    """Return the rules that flag *visit*, which ends with its last event, sorted."""
    end = visit.events[-1]["ts"]
    found = engine.judge(visit.events, {"device": "desktop"}, end=(end, "left"))
    return sorted(flag.rule.id for flag in found)


def test_buyer_raises_nothing(engine: Engine) -> None:
    """Who searches, reads, compares, corrects a typing error and orders is not flagged."""
    visit = Visit().then(0, "page", path="/", nav="load", referrer="foreign", status=200)
    visit.then(1, "vitals", kind="lcp", lcp_ms=1200.0)
    for direction in ("down", "up", "down"):
        visit.then(6, "scroll", direction=direction, px=700.0, screens=0.8, pages=4.0)
    visit.then(2, "custom", name="search", props={"results": 12, "query_hash": "a"})
    visit.page(5, "/product/1").press(4, "next", **ANSWERED).press(0.3, "next", **ANSWERED)
    visit.press(0.3, "next", **ANSWERED).press(0.3, "next", **ANSWERED)
    visit.page(9, "/category/packs").page(8, "/product/2")
    visit.press(9, "add", **ANSWERED, request_ms=5.0, request_done_ms=90.0, request_status=200)
    visit.then(0.1, "custom", name="cart", props={"op": "add", "total": 49})
    visit.then(0.1, "message", severity="success", kind="status", hash="m1")
    visit.page(8, "/checkout/address")
    visit.fill(9, "name", autofill=True).fill(6, "street").fill(6, "zip", invalid=True)
    visit.fill(5, "zip", returns=1).fill(6, "city")
    visit.press(2, "go", answered_ms=300.0, answer="navigation")
    visit.then(0.08, "form", form="address", how="click", outcome="navigated",
               target={**BUTTON, "key": "go"})  # fmt: skip
    visit.page(1, "/checkout/payment").then(20, "visibility", state="hidden")
    visit.then(30, "visibility", state="visible")
    visit.then(9, "custom", name="payment", props={"result": "challenge"})
    visit.then(40, "custom", name="payment", props={"result": "ok"})
    visit.page(1, "/done").then(0.2, "custom", name="order_placed", props={"total": 49})
    visit.then(9, "copy", kind="copy", region="body", shape="id", length=9,
               target={"key": "number", "tag": "b"})  # fmt: skip

    assert [] == raised(engine, visit.leave(20))


def test_reader_raises_nothing(engine: Engine) -> None:
    """Who reads articles of a list, marks text and zooms into a picture is not flagged."""
    visit = Visit().then(0, "page", path="/blog", nav="load", referrer="none", status=200)
    for number in range(4):
        visit.page(6, f"/blog/{number}").then(4, "scroll", direction="down", px=900.0,
                                              screens=1.0, pages=7.0)  # fmt: skip
        visit.then(2, "gesture", kind="pinch", touches=2, zoom=1.9, media=True)
        visit.then(1, "gesture", kind="swipe", touches=1, px=200.0, answered_ms=30.0)
        visit.then(9, "key", **{"class": "arrow"}, count=9, span_ms=1800.0, answered_ms=12.0)
        visit.then(2, "leave", kind="back", visible_ms=22_000.0)
        visit.then(0.2, "page", path="/blog", nav="back_forward", status=200)

    assert [] == raised(engine, visit.leave(3))


def begun() -> Visit:
    """Return a visit that has just begun."""
    return Visit().then(0, "page", path="/", nav="load", referrer="none", status=200, visible=True)


def presses(count: int, gap: float, **fields: Any) -> Visit:
    """Return a visit in which a button is pressed *count* times, *gap* seconds apart."""
    visit = begun()
    for _ in range(count):
        visit.press(gap, "pay", **fields)
    return visit.leave(30)


PENDING = {"request_ms": 5.0, "pending": True}


@pytest.mark.parametrize(
    ("visit", "rules"),
    [
        (presses(1, 1), ["dead_click"]),
        (presses(2, 4), ["dead_click_repeat"]),
        (presses(5, 0.2), ["rage_click"]),
        (presses(5, 0.2, **PENDING), ["rage_click"]),
        (presses(3, 1.2, **PENDING), ["impatient_click"]),
        (presses(3, 1, answered_ms=40.0), []),
        (
            begun().press(1, "pay").then(0.1, "error", hash="e", message="x", first_party=True,
                                         click=1).leave(60),
            ["error_click"],
        ),
        (
            begun().press(1, "pay", request_ms=5.0, request_done_ms=90.0).then(
                0.1, "request", kind="fetch", method="POST", url="/pay", status=500, click=1
            ).leave(60),
            ["failed_request"],
        ),
        (
            begun().then(5, "vitals", kind="lcp", lcp_ms=5000.0).leave(3, visible_ms=8000.0)
            .then(1, "page", nav="reload"),
            ["reload_loop_slow"],
        ),
        (
            begun().then(5, "vitals", kind="lcp", lcp_ms=5000.0).leave(3, visible_ms=8000.0),
            ["slow_page_left"],
        ),
        (
            begun().page(5, "/gone", 5000.0, status=404).leave(4, "back", 4000.0),
            ["error_exit"],
        ),
    ],
)  # fmt: skip
def test_one_trouble_is_one_flag(engine: Engine, visit: Visit, rules: list[str]) -> None:
    """Of the rules that fit a trouble the one that says most about it stays."""
    assert rules == raised(engine, visit)
