"""Fields, forms and messages from rrweb's input events and changes of the page."""

from __future__ import annotations

import json

from core.model import Event
from tests.replay.foreign import BLUR, CLICK, DOWN, FOCUS, UP, Page, derived, of

SECRET = "Blankenburg"
FORM = [
    "form",
    {"id": "address", "action": "/address"},
    ["div", {}, ["label", {"for": "city"}, "City"], ["input", {"id": "city", "name": "city"}],
     ["p", {"id": "city-error", "role": "alert", "hidden": ""}, "Please look at this."]],
    ["div", {}, ["input", {"id": "code", "name": "code", "type": "password"}]],
    ["button", {"id": "go"}, "Go on"],
]  # fmt: skip


def letters(text: str) -> list[str]:
    return [text[: n + 1] for n in range(len(text))]


def visited(page: Page) -> Event:
    """Return the blur of the city."""
    [blur] = [one for one in of("field", derived(page)[0]) if one["cause"] == "blur"]
    return blur


def test_a_field_tells_lengths_and_no_value() -> None:
    """Keys, corrections and turning points are told, and what was typed in no event."""
    page = Page(FORM)
    page.hand(FOCUS, "city", 1000)
    page.type("city", letters(SECRET), 2000)
    page.type("city", [SECRET[:9], SECRET[:8], SECRET[:9], SECRET], 4000)
    page.hand(BLUR, "city", 6000)
    blur = visited(page)

    assert ("city", "address", "text") == tuple(blur[n] for n in ("field", "form", "input_type"))
    assert (15, 2, [0, 11, 8, 11], 11) == tuple(
        blur[n] for n in ("keys", "deletions", "lengths", "length")
    )
    assert (1000, 5000, True, 0) == tuple(
        blur[n] for n in ("first_input_ms", "focus_ms", "changed", "refills")
    )
    told = json.dumps(derived(page, "open", trusted=True))
    assert SECRET[:6] not in told


def test_masked_values_have_their_length() -> None:
    """What the other tool masked by stars is counted all the same, a field filled thrice as refills."""
    page = Page(FORM)
    page.hand(FOCUS, "city", 1000)
    for number in range(3):
        page.type("city", letters("******"), 2000 + number * 1000)
        page.input("city", "", 2800 + number * 1000)
    page.type("city", letters("******"), 6000)
    page.hand(BLUR, "city", 7000)
    blur = visited(page)

    assert (3, 6, True) == tuple(blur[n] for n in ("refills", "length", "cleared"))


def test_of_a_password_nothing_is_told() -> None:
    """Of a password its existence is told alone."""
    page = Page(FORM)
    page.hand(FOCUS, "code", 1000)
    page.type("code", letters("****"), 2000)
    page.hand(BLUR, "code", 3000)
    [blur] = of("field", derived(page)[0])

    assert blur["sensitive"] is True
    assert not {"keys", "length", "lengths", "focus_ms"} & blur.keys()


def test_a_pause_is_told() -> None:
    """Five seconds without a key in a field that was begun are a pause."""
    page = Page(FORM)
    page.hand(FOCUS, "city", 1000)
    page.type("city", ["a", "ab"], 2000)
    page.type("city", ["abc"], 9000)
    [pause, *_] = of("field", derived(page)[0])

    assert (7100, "pause", True, 2) == tuple(pause[n] for n in ("t", "cause", "partial", "keys"))


def test_choices_are_counted() -> None:
    """Choices in a list are told with their number, and that they led back."""
    options = [["option", {"value": str(n)}, str(n)] for n in range(3)]
    page = Page(["form", {}, ["select", {"id": "size", "name": "size"}, *options]])
    for number, value in enumerate(["1", "2", "0"]):
        page.input("size", value, 1000 + 1000 * number)
    told = [one for one in of("field", derived(page)[0]) if one["cause"] == "choice"]

    assert [(1, False), (2, False), (3, True)] == [
        (one["choices"], one["restored"]) for one in told
    ]


def refused(page: Page, at: int) -> None:
    """The page's script refuses the city."""
    page.attribute("city", at, aria_invalid="true")
    page.attribute("city-error", at, hidden=None)


def test_a_refused_form() -> None:
    """A press on what submits, after which fields are marked, is a submit that was refused."""
    page = Page(FORM)
    page.press("go", 1000)
    refused(page, 1062)
    page.change(1, 9000, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    [events] = derived(page)
    [form] = of("form", events)
    [field] = of("field", events)
    [message] = of("message", events)

    assert ("refused", ["city"], "click", "address") == tuple(
        form[n] for n in ("outcome", "invalid_fields", "how", "form")
    )
    assert ("submit", True, ["aria", "message"]) == tuple(
        field[n] for n in ("cause", "invalid", "invalid_flags")
    )
    assert ("field", "error", "city") == tuple(message[n] for n in ("kind", "severity", "field"))
    assert "words" not in message
    assert "Please look" not in json.dumps(message)


def test_enter_submits() -> None:
    """The click that Enter in a field makes of the button is a submit, and no press."""
    page = Page(FORM)
    page.hand(FOCUS, "city", 500)
    page.type("city", ["a"], 600)
    page.hand(CLICK, "go", 1000)
    page.begin(["p", {}, "Next"], at=1500, href="https://shop.example/next")
    first, _ = derived(page)
    [form] = of("form", first)

    assert [] == of("click", first)
    assert ("enter", "navigated", 400) == tuple(
        form[n] for n in ("how", "outcome", "since_input_ms")
    )


def test_a_submit_that_shows_nothing() -> None:
    """Of a submit after which nothing is seen the outcome is unknown: requests are not recorded."""
    page = Page(FORM)
    page.press("go", 1000)
    page.change(1, 30_000, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    [events] = derived(page)
    [form] = of("form", events)
    [click] = of("click", events)

    assert "unknown" == form["outcome"]
    assert "request_status" not in form
    assert click["pending"] is True  # so that it is no dead one


def test_without_focus_events_input_tells() -> None:
    """A tool that does not record the focus: a field is come to with its first input."""
    page = Page(
        ["form", {}, ["input", {"id": "a", "name": "a"}], ["input", {"id": "b", "name": "b"}]]
    )
    page.type("a", letters("abc"), 1000)
    page.type("b", letters("de"), 3000)
    told = [(one["field"], one["keys"], one["cause"]) for one in of("field", derived(page)[0])]

    assert [("a", 3, "blur"), ("b", 2, "blur")] == told


def test_hands_on_what_is_gone() -> None:
    """Hands at nodes that are not there, and odd numbers, are left out without a stop."""
    page = Page(FORM)
    for kind in (DOWN, UP, CLICK, FOCUS, BLUR, 4, 77):
        page.change(2, 1000, type=kind, id=9999)
        page.change(2, 1000, type=kind, id=1, x="left", y=None)
    page.change(5, 1000, id=9999, text="x")
    page.change(3, 1000, id=9999, x=0, y=40)

    assert ["page", "leave"] == [one["type"] for one in derived(page)[0] if one["type"] != "click"]
