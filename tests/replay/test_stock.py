"""What the pages of a site have in common, and nothing that only one visitor's had."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.stock import (
    KNOWN_BY,
    LEAST_BYTES,
    MOST_BYTES,
    Stock,
    held_of,
    lines_of,
    without,
)


def page(*texts: str, rows: int = 600, page: int = 0) -> bytes:
    """Return a page of *rows* that everybody sees, with *texts* in it."""
    nodes = [{"type": 2, "tagName": "li", "attributes": {"class": f"row {page} {n}"}} for n in range(rows)]  # fmt: skip
    own = [{"type": 3, "textContent": text, "of": "one visitor"} for text in texts]
    return json.dumps([*nodes[: rows // 2], *own, *nodes[rows // 2 :]], separators=(",", ":")).encode()  # fmt: skip


def test_what_three_visitors_sent_alike_is_in_it() -> None:
    """Two do not make a stock, nor does one who comes ten times; the third does, in the page's order."""
    stock = Stock()
    stock.learn([page("a")], "first")
    for _ in range(10):
        stock.learn([page("b")], "second")

    assert stock.renewed() is None
    stock.learn([page("c")], "third")
    content = stock.renewed()
    assert content is not None

    assert page() == content.replace(b"\n", b"")
    assert stock.renewed() is None


def test_a_page_that_is_known_stands_there_in_one_piece() -> None:
    """What pages have in common is in it as each of them has it, also where the lines are the same."""
    first, second = page(rows=200), page(rows=200).replace(b'"row 0 7', b'"row 1 7')
    stock = Stock()
    for visitor in "abc":
        stock.learn([first, second], visitor)
    content = stock.renewed()
    assert content is not None

    assert first in content
    assert len(content) < len(first) + len(second) // 2
    assert any(len(kept) > 200 and kept in second for kept in content.split(b"\n")[1:])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(min_size=8), min_size=5, max_size=5, unique=True))
def test_what_one_visitor_has_alone_is_not(texts: list[str]) -> None:
    """However often one comes, whatever stands in only their pages is in no stock."""
    stock = Stock()
    for number, text in enumerate(texts):
        for _ in range(KNOWN_BY):
            stock.learn([page(f"secret {text} {number}")], f"visitor {number}")
    content = stock.renewed()
    assert content is not None

    assert b"one visitor" not in content
    assert b"secret" not in content


def test_it_grows_by_quarters_and_has_a_bound() -> None:
    """A few new lines make no new stock, many do; the oldest go when it is full."""
    stock = Stock()
    for visitor in "abc":
        stock.learn([page()], visitor)
    first = stock.renewed()
    assert first is not None
    assert LEAST_BYTES <= len(first)
    for visitor in "abc":
        stock.learn([page(rows=30, page=1)], visitor)

    assert stock.renewed() is None
    for number in range(2, 75):
        for visitor in "abc":
            stock.learn([page(page=number, rows=1_000)], visitor)
    last = stock.renewed()
    assert last is not None

    assert MOST_BYTES - 200 < len(last) <= MOST_BYTES
    assert last.startswith(b",{")
    assert b'"row 74 999"' in last
    assert b'"row 0 1"' not in last


def test_what_is_stored_goes_on() -> None:
    """A stock that is read again knows its lines."""
    stock = Stock()
    for visitor in "abc":
        stock.learn([page()], visitor)
    content = stock.renewed()
    assert content is not None
    again = Stock(content)
    for visitor in "abc":
        again.learn([page()], visitor)

    assert content == again.content
    assert again.renewed() is None


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it what fell out of the stock is forgotten, and may come in again; what is in it is known."""
    monkeypatch.setattr("replay.stock.MOST_KNOWN", 5_000)
    monkeypatch.setattr("replay.stock.MOST_BYTES", 64 * 1024)
    stock = Stock()
    for number in range(20):
        for visitor in "abc":
            stock.learn([page(page=number)], visitor)
        stock.renewed()

        assert len(stock._known) < 5_000 + 1_000
    for visitor in "abc":
        stock.learn([page(page=19)], visitor)

    assert stock.renewed() is None
    for visitor in "abc":
        stock.learn([page()], visitor)
    again = stock.renewed()
    assert again is not None

    assert b'"row 0 599"' in again


def test_held_lines_are_those_that_a_search_finds() -> None:
    """By whole lines as by a search of the whole stock; taken out, none of them is left and all others are."""
    stock = Stock()
    for number, texts in enumerate((["one", "two"], ["one", "three"], ["one", "two"], ["two"])):
        stock.learn([page(*texts, page=number // 3), page(*texts, rows=300)], f"visitor {number}")
    content = (stock.renewed() or b"") + b" " * 64 + b'[{"begins":"behind what was emptied"}\n'
    own = lines_of(page("one", "four")) | {b'[{"begins":"behind what was emptied"}'}
    found = held_of(own, content)
    some = {line for line in found if b"one visitor" in line or b"emptied" in line}
    cleaned = without(content, some)

    assert {line for line in own if line and line in content} == found
    assert 2 <= len(some) < len(found)
    assert set() == held_of(some, cleaned)
    assert found - some == held_of(own, cleaned)
