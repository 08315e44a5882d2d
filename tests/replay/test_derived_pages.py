"""Page views, scrolling, the pointer, and what plugins of other tools record."""

from __future__ import annotations

from typing import Any

from core.events import load_schema
from tests.replay.foreign import BEGIN, FOCUS, Page, derived, of, parsed

BODY = ["main", {}, ["button", {"id": "go", "type": "button"}, "Go"], ["p", {"id": "text"}, "Text"]]


def test_a_page_is_told_with_its_size() -> None:
    """The first event is the page, with path, size and the names of its parameters, not their values."""
    first, *_ = derived(Page(BODY))[0]

    assert ("page", 0, "/product/7", "load") == tuple(
        first[n] for n in ("type", "t", "path", "nav")
    )
    assert (1000, 800, ["ref"]) == tuple(first[n] for n in ("width", "height", "query_keys"))
    assert "mail" not in str(first)


def test_another_snapshot_is_no_other_page() -> None:
    """A snapshot whose numbers go on is a checkout of the same page; one that begins anew is a load."""
    page = Page(BODY)
    page.snapshot(BODY, at=5000)
    page.begin(BODY, at=9000, href="https://shop.example/other")

    assert [1, 1] == [len(of("page", one)) for one in derived(page)]


def test_the_same_address_again_is_a_reload() -> None:
    """A document of the same address is a reload, unless a press or an input led there."""
    page = Page(BODY)
    page.begin(BODY, at=9000)
    page.press("go", 12_000)
    page.begin(BODY, at=12_500)
    told = [of("page", one)[0]["nav"] for one in derived(page)]

    assert ["load", "reload", "load"] == told


def test_routes_of_a_custom_event() -> None:
    """Where a tool tells that the address changed, the route is a page view of its own."""
    page = Page(BODY)
    page.custom("$pageview", {"href": "https://shop.example/basket"}, 4000)
    page.custom("$pageview", {"href": "https://shop.example/basket#top"}, 5000)
    page.press("go", 6000)
    events = derived(page)[0]
    told = of("page", events)

    assert [("load", "/product/7", 0), ("route", "/basket", 1)] == [
        (one["nav"], one["path"], one["view"]) for one in told
    ]
    assert ("/product/7", 4000) == (told[1]["from_path"], told[1]["dwell_ms"])
    assert "/basket" == of("click", events)[0]["path"]
    assert ["route", "close"] == [one["kind"] for one in of("leave", events)]


def test_console_lines_without_words() -> None:
    """Errors and warnings of rrweb's console plugin are told by a hash; logs are not."""
    page = Page(BODY)
    for level in ("log", "warn", "error"):
        page.plugin(
            "rrweb/console@1", {"level": level, "payload": ["Karl 4711"], "trace": []}, 1000
        )
    told = of("console", derived(page)[0])

    assert ["warn", "error"] == [one["level"] for one in told]
    assert "Karl" not in str(told)


def test_requests_of_the_network_plugin() -> None:
    """Requests are told with status and the press before; the press has them, so that it is no dead one."""
    page = Page(BODY)
    page.press("go", 1000)
    asked: dict[str, Any] = {
        "name": "https://shop.example/api/orders/4711?mail=a@b.example",
        "initiatorType": "fetch", "method": "post", "status": 500, "duration": 120,
        "timestamp": BEGIN + 1070,
    }  # fmt: skip
    image = {"name": "https://shop.example/a.png", "initiatorType": "img"}
    page.plugin("rrweb/network@1", {"requests": [asked, image, "junk"]}, 1300)
    page.change(1, 9000, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    events = derived(page)[0]
    [request] = of("request", events)
    [click] = of("click", events)

    assert ("/api/orders/:id", 500, 120, "POST", True) == tuple(
        request[n] for n in ("url", "status", "duration_ms", "method", "first_party")
    )
    assert (click["i"], 70) == (request["click"], request["since_action_ms"])
    assert (70, 190, 500) == tuple(
        click[n] for n in ("request_ms", "request_done_ms", "request_status")
    )


def test_scrolling_in_legs() -> None:
    """Scrolling is told by direction, with how many viewports; a press that scrolls is told as such."""
    page = Page(BODY)
    for number in range(5):
        page.change(3, 1000 + 100 * number, id=1, x=0, y=200 * number)
    page.change(3, 1600, id=1, x=0, y=400)
    page.press("go", 5000)
    page.change(3, 5100, id=1, x=0, y=0)
    page.change(1, 9000, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    events = derived(page)[0]
    told = [(one["direction"], one["px"], one.get("programmatic")) for one in of("scroll", events)]

    assert [("down", 800, None), ("up", 400, None), ("up", 400, True)] == told
    assert 1.0 == of("scroll", events)[0]["screens"]
    assert "scroll" == of("click", events)[0]["answer"]


def test_a_pointer_that_shakes() -> None:
    """A pointer moved to and fro is a shake, with turns and way."""
    page = Page(BODY)
    node = page.id_of("text")
    for number in range(40):
        x = 300 if number % 2 else 100
        place = {"x": x, "y": 100, "id": node, "timeOffset": 0}
        page.change(1, 1000 + 100 * number, positions=[place])
    page.hand(FOCUS, "go", 8000)
    [shake, *_] = of("cursor", derived(page)[0])

    assert ("shake", "p") == (shake["kind"], shake["target"]["tag"])
    assert shake["turns"] >= 15
    assert shake["path_px"] >= 3000


def test_events_are_what_the_schema_says() -> None:
    """Every field of every event is one that rules know, of the type that it should have."""
    page = Page(
        BODY, ["form", {"id": "f"}, ["input", {"id": "mail"}], ["button", {"id": "ok"}, "OK"]]
    )
    page.press("go", 1000)
    page.hand(FOCUS, "mail", 2000)
    page.type("mail", ["a", "ab", "a"], 3000)
    page.press("ok", 5000)
    page.add("main", 5100, ["p", {"role": "alert"}, "Something is missing."])
    page.change(3, 6000, id=1, x=0, y=900)
    page.begin(BODY, at=9000)
    schema = load_schema()
    seen = set()
    for event in (event for events in derived(page) for event in events):
        seen.add(event["type"])
        known = {**schema.envelope, **schema.event(event["type"]).fields}
        for name, value in event.items():
            fields = schema.target if name == "target" else {name: known[name]}
            parts = value if name == "target" else {name: value}

            assert [] == [n for n, part in parts.items() if not fields[n].type.accepts(part)]
    assert {"page", "leave", "click", "field", "form", "message", "scroll"} <= seen


def test_two_windows_are_two_tabs() -> None:
    """Events that name a window are told apart by it, also where they are mixed."""
    first, second = Page(BODY), Page(BODY, at=500, href="https://shop.example/b")
    first.press("go", 1000)
    second.press("go", 1010)
    mixed = [
        {**event, "windowId": name}
        for name, one in (("a", first), ("b", second))
        for event in one.events
    ]
    first.events = sorted(mixed, key=lambda one: int(one["timestamp"]))
    told = derived(first)

    assert ["a", "b"] == [one.tab for one in parsed(first).documents]
    assert [("/product/7", 1), ("/b", 1)] == [
        (one[0]["path"], len(of("click", one))) for one in told
    ]
