"""Stand-ins for masked input: of the kind and length that a field asks for, the same at each run."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stolper.reproduction.values import candidates, masked


def first(field: dict[str, Any], *lengths: int, **how: bool) -> str:
    return next(candidates(masked(*lengths, **how), field))


@pytest.mark.parametrize(
    ("field", "length", "form"),
    [
        ({"autocomplete": "shipping postal-code"}, 5, r"\d{5}"),
        ({"autocomplete": "postal-code"}, 4, r"\d{4}"),
        ({"type": "email"}, 26, r"[^@\s]+@[^@\s]+\.[^@\s]+"),
        ({"type": "email"}, 31, r"[^@\s]{18}@[^@\s]+\.[^@\s]+"),
        ({"type": "tel"}, 11, r"[+\d ]{11}"),
        ({"autocomplete": "cc-number"}, 0, r"4242424242424242"),
        ({"autocomplete": "cc-exp"}, 5, r"(0[1-9]|1[0-2])/\d\d"),
        ({"name": "plz"}, 5, r"\d{5}"),
        ({"label": "Vorname"}, 4, r"[A-Z][a-z]{3}"),
        ({"type": "date"}, 10, r"\d{4}-\d\d-\d\d"),
        ({"name": "remark"}, 23, r".{23}"),
        ({"inputmode": "numeric"}, 7, r"\d{7}"),
    ],
)
def test_a_stand_in_is_of_the_kind_and_length_that_the_field_asks_for(
    field: dict[str, Any], length: int, form: str
) -> None:
    """Type, autocomplete token, name and label say what is asked for, the recording how long it was."""
    text = first(field, length)

    assert re.fullmatch(form, text), text


def test_the_same_test_types_the_same() -> None:
    """What is made up is made up alike at each run."""
    assert first({"name": "remark"}, 31) == first({"name": "remark"}, 31)


def test_a_refused_value_is_one_that_programs_stumble_over() -> None:
    """A postcode that the page refused though its form was right begins with a zero."""
    field = {"autocomplete": "postal-code"}

    assert ("0", "1") == (first(field, 5, refused=True)[0], first(field, 5)[0])


def test_a_value_that_the_browser_refused_is_wrong_again() -> None:
    """What was no e-mail address then is none now."""
    assert "xxxxxx" == first({"type": "email"}, 6, wrong=True)


def test_a_pattern_is_the_last_resort() -> None:
    """A text that a field's own pattern matches is among the candidates."""
    field = {"name": "contract", "pattern": r"V-[0-9]{3}[A-F]"}

    assert any(re.fullmatch(r"V-[0-9]{3}[A-F]", one) for one in candidates(masked(6), field))
