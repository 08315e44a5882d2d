"""What came before a contact: when somebody began to search, how long they did, what they saw again."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Event
from desk.searching import Search, Sign, searched

MINUTE = 60_000.0
T = 60 * MINUTE
"""When the contact began; the window is the hour before."""


def event(at: float, type_: str = "page", path: str = "/", tab: str = "a", **fields: Any) -> Event:
    """Return an event *at* minutes."""
    return {"type": type_, "ts": at * MINUTE, "path": path, "tab": tab, **fields}


def told(*visits: list[Event]) -> Search:
    return searched(visits, 0, T)


def test_from_the_first_sign_to_the_last_event_of_the_tab() -> None:
    """Two minutes of shopping are no search; from the help page on eight minutes are."""
    events = [event(10), event(12, path="/help/returns"), event(15, "click"), event(20, "scroll")]

    assert Sign(12 * MINUTE, "page", "/help/returns") == told(events).sign
    assert 8 * MINUTE == told(events).spent_ms


def test_what_was_hidden_is_not_counted() -> None:
    """Three of ten minutes the tab was hidden; what follows the page's end is not counted either."""
    events = [
        event(10, path="/faq"),
        event(12, "visibility", state="hidden"),
        event(15, "visibility", state="visible"),
        event(20, "leave"),
        event(25, path="/", visible=False),
        event(30, "request"),
    ]

    assert 7 * MINUTE == told(events).spent_ms


def test_tabs_beside_one_another_count_once() -> None:
    """Two visible tabs, ten to twenty and fifteen to thirty: twenty minutes."""
    events = [
        event(10, path="/search"),
        event(15, path="/item", tab="b"),
        event(20, "click"),
        event(30, "click", tab="b"),
    ]

    assert 20 * MINUTE == told(events).spent_ms


def test_only_the_window_counts() -> None:
    """A page from before the window is visible in it; a tab that goes on counts up to the contact; visits add up."""
    first = [
        event(-10),
        event(-5, path="/faq"),
        event(3, "click"),
        event(5, "custom", name="search"),
    ]
    first.append(event(9, "click"))
    second = [event(50, path="/x"), event(58, "click"), event(70, "click")]

    assert Sign(5 * MINUTE, "search", "/") == told(first, second).sign
    assert (4 + 10) * MINUTE == told(first, second).spent_ms


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([event(1, "custom", name="help")], "help"),
        ([event(1, "custom", name="search")], "search"),
        ([event(1, path="/de/Hilfe-Center")], "page"),
        ([event(1, path="/suche.html")], "page"),
        ([event(1, path="/helpful")], None),
        ([event(1, path="/a"), event(2, path="/b"), event(3, path="/a")], "again"),
        ([event(1, path="/a"), event(2, path="/a", nav="reload")], None),
        ([event(1, "custom", name="cart")], None),
    ],
)
def test_signs_of_searching(events: list[Event], kind: str | None) -> None:
    """A custom event, a word of the path, a page again after another; a reload and parts of words are none."""
    sign = told(events).sign

    assert kind == (sign and sign.kind)


def test_pages_that_were_seen_again() -> None:
    """Each with how often, most first; reloads are no second look; several visits count together."""
    first = [event(1, path="/a"), event(2, path="/b"), event(3, path="/a"), event(4, path="/a")]
    second = [event(5, path="/a"), event(6, path="/c"), event(61, path="/c")]

    assert (("/a", 3),) == told(first, second).again
