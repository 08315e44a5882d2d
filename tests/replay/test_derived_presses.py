"""Presses from rrweb's mouse interactions: what was pressed, and what answered."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Event
from tests.replay.foreign import BLUR, CLICK, DOWN, FOCUS, UP, Page, derived, of

BUY = ["main", {}, ["button", {"id": "buy", "type": "button"}, "Buy now"]]
LONG = 20_000  # a last sign of the page, long after


def the_click(page: Page, **how: Any) -> Event:
    page.change(1, LONG, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    [click] = of("click", derived(page, **how)[0])
    return click


def test_a_press_without_an_answer() -> None:
    """A press on a button that does nothing is told with its target, without any answer."""
    page = Page(BUY)
    page.press("buy", 1000)
    click = the_click(page)
    target = click["target"]

    assert (1000, 60, 0, True, "mouse") == tuple(
        click[n] for n in ("t", "hold_ms", "drag_px", "trusted", "pointer")
    )
    assert ("#buy", "button", "Buy now", "tag") == tuple(
        target[n] for n in ("key", "role", "label", "why")
    )
    assert ["button", "main", "body", "html"] == [one["tag"] for one in target["path"]]
    assert not {"answered_ms", "cut", "request_ms", "miss_px"} & click.keys()


@pytest.mark.parametrize(("at", "answered"), [(1062, 62), (1700, 700), (3400, 2400), (3600, None)])
def test_a_change_near_is_an_answer(at: int, answered: int | None) -> None:
    """A text that appears in the same landmark within 2.5 s answers, a later one does not."""
    page = Page(BUY)
    page.press("buy", 1000)
    page.add("main", at, ["p", {}, "It is in your basket"])

    assert answered == the_click(page).get("answered_ms")


def test_a_change_elsewhere_is_none() -> None:
    """What changes in another landmark, not at once, answers nobody; at once it does."""
    page = Page(BUY, ["aside", {"id": "aside"}])
    page.press("buy", 1000)
    page.attribute("aside", 1700, **{"class": "on"})

    assert "answered_ms" not in the_click(page)
    page = Page(BUY, ["aside", {"id": "aside"}])
    page.press("buy", 1000)
    page.attribute("aside", 1063, **{"class": "on"})
    assert 63 == the_click(page)["answered_ms"]


def test_what_ticks_is_no_answer() -> None:
    """A clock that ran before goes on: that is background, and counted as such."""
    page = Page(["main", {}, ["p", {"id": "clock"}, "0"], BUY[2]])
    for second in range(1, 9):
        page.text("clock", str(second), second * 1000)
    page.press("buy", 8100)
    for second in range(9, 12):
        page.text("clock", str(second), second * 1000)
    click = the_click(page)

    assert "answered_ms" not in click
    assert 2 == click["far"]


def test_a_mark_that_goes_is_no_answer() -> None:
    """A class that a button bears only while it is held is no answer; one that stays is."""
    for left, answered in ((None, None), ("held", 1)):
        page = Page(BUY)
        page.hand(DOWN, "buy", 1000)
        page.attribute("buy", 1001, **{"class": "held"})
        page.hand(UP, "buy", 1080)
        page.hand(CLICK, "buy", 1081)
        page.attribute("buy", 1400, **{"class": left})
        assert answered == the_click(page).get("answered_ms")


def test_the_same_anew_is_no_change() -> None:
    """A node that gives way to one that looks alike is no answer."""
    page = Page(["main", {"id": "main"}, BUY[2], ["p", {"id": "sum"}, "12 EUR"]])
    page.press("buy", 1000)
    gone = {"id": page.id_of("sum"), "parentId": page.id_of("main")}
    page.add("main", 1300, ["p", {"id": "sum"}, "12 EUR"])
    page.events[-1]["data"]["removes"] = [gone]

    assert "answered_ms" not in the_click(page)


def test_a_link_leads_to_the_next_page() -> None:
    """A press on a link, after which another document comes, is answered by navigation."""
    page = Page(["main", {}, ["a", {"id": "next", "href": "/help"}, "Help"]])
    page.press("next", 1000)
    page.begin(BUY, at=1900, href="https://shop.example/help")
    first, second = derived(page)
    [click] = of("click", first)

    assert ("navigation", "same", "/help") == tuple(
        click[n] for n in ("answer", "href", "href_path")
    )
    assert 899 == click["answered_ms"]
    assert "link" == of("leave", first)[0]["kind"]
    assert ("load", "same", "/product/7") == tuple(
        of("page", second)[0][n] for n in ("nav", "referrer", "from_path")
    )


def test_a_click_alone_is_nobodys_hand() -> None:
    """A click without a pointer, of a key or a script, is not told as made by the visitor."""
    page = Page(BUY)
    page.hand(CLICK, "buy", 1000)
    click = the_click(page)

    assert "keyboard" == click["pointer"]
    assert "trusted" not in click


def test_the_end_cuts_an_outcome_off() -> None:
    """A recording that ends before an outcome is final says so."""
    page = Page(BUY)
    page.press("buy", 1000)
    [click] = of("click", derived(page)[0])

    assert click["cut"] is True


def test_a_finger_that_scrolled_pressed_nothing() -> None:
    """A touch that the browser took for scrolling is no press."""
    page = Page(BUY)
    page.hand(7, "buy", 1000)
    page.hand(10, "buy", 1100)

    assert [] == of("click", derived(page)[0])


@pytest.mark.parametrize(
    ("attributes", "css", "why"),
    [
        ({"disabled": ""}, "", "attribute"),
        ({"aria-disabled": "true"}, "", "aria"),
        ({"class": "off"}, ".card > button.off{cursor:not-allowed}", "cursor"),
        ({"class": "off"}, "@media screen{button:not(.on){pointer-events:none}}", "pointer_events"),
        ({}, "button:hover{cursor:not-allowed}", None),
    ],
)
def test_disabled_controls(attributes: dict[str, str], css: str, why: str | None) -> None:
    """What disables a control is told, also a cursor of the page's own sheet."""
    button = ["button", {"id": "buy", **attributes}, "Buy"]
    page = Page(["div", {"class": "card"}, button], css=css)
    page.press("buy", 1000, click=False)

    assert why == the_click(page)["target"].get("disabled_why")


def test_a_hand_cursor_makes_pressable() -> None:
    """An element with a hand cursor looks pressable, what is in it does not by itself."""
    tile = ["div", {"id": "tile"}, ["span", {"id": "inner"}, "Tent"]]
    page = Page(["main", {}, tile], css="#tile { cursor: pointer }")
    page.press("inner", 1000)
    target = the_click(page)["target"]

    assert ("#tile", True, "cursor") == tuple(target[n] for n in ("key", "interactive", "why"))


def test_a_sheet_that_comes_later_counts() -> None:
    """A sheet that a script adds after a first press, or changes, is looked at for the next."""
    page = Page(["main", {}, ["div", {"id": "tile"}, "Tent"]])
    page.press("tile", 1000)
    page.add("head", 2000, ["style", {"id": "sheet", "_cssText": "#tile{cursor:pointer}"}])
    page.press("tile", 4000)
    page.attribute("sheet", 5000, _cssText="#tile{cursor:default}")
    page.press("tile", 8000)
    page.change(1, LONG, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    told = [one["target"].get("why") for one in of("click", derived(page)[0])]

    assert [None, "cursor", None] == told


def test_clicks_in_a_row_are_counted() -> None:
    """Presses at one place within half a second have the browser's click count."""
    page = Page(BUY)
    for at in (1000, 1200, 1400, 3000):
        page.press("buy", at)
    page.change(1, LONG, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])

    assert [1, 2, 3, 1] == [one["detail"] for one in of("click", derived(page)[0])]


def test_the_focus_of_a_field_is_an_answer() -> None:
    """A press that takes the visitor into a field is answered; the focus of the button itself is none."""
    label = ["label", {"id": "label", "for": "mail"}, "Mail"]
    page = Page(["main", {}, label, ["input", {"id": "mail"}]])
    page.press("label", 1000)
    page.hand(FOCUS, "mail", 1062)

    assert "focus" == the_click(page)["answer"]
    page = Page(BUY)
    page.hand(DOWN, "buy", 1000)
    page.hand(FOCUS, "buy", 1001)
    page.hand(UP, "buy", 1060)
    page.hand(CLICK, "buy", 1061)
    assert "answer" not in the_click(page)


def test_a_field_that_is_left_answers_nobody() -> None:
    """What a page does because a field was left is not the answer to the press that left it."""
    form = ["main", {}, ["input", {"id": "mail"}], ["p", {"id": "hint"}, "."], BUY[2]]
    page = Page(form)
    page.hand(FOCUS, "mail", 500)
    page.hand(DOWN, "buy", 1000)
    page.hand(BLUR, "mail", 1001)
    page.text("hint", "Please enter your address", 1002)
    page.hand(UP, "buy", 1060)
    page.hand(CLICK, "buy", 1061)

    assert "answered_ms" not in the_click(page)


def test_a_script_that_sets_a_value_answers() -> None:
    """A stepper's number changes with the press on its plus: that is the answer."""
    plus = ["button", {"id": "plus", "type": "button"}, "+"]
    page = Page(["main", {}, ["input", {"id": "amount", "value": "1"}], plus])
    page.hand(FOCUS, "plus", 900)
    page.press("plus", 1000)
    page.input("amount", "2", 1062)

    assert ("value", 62) == tuple(the_click(page)[n] for n in ("answer", "answered_ms"))


def test_ignored_places_tell_nothing() -> None:
    """In an area that the site's pages mark as ignored no press is told."""
    page = Page(["main", {"data-stolper": "ignore"}, BUY[2]])
    page.press("buy", 1000)

    assert [] == of("click", derived(page)[0])
