"""Selectors that owners write: what is taken, and what is refused in which words."""

from __future__ import annotations

import pytest

from core.errors import UserError
from core.selectors import check
from core.site_options import SiteOptions


@pytest.mark.parametrize(
    "text",
    [
        ".price",
        "#summary td, main > .name ~ b",
        "input[name=card], [data-x='a, b)'] em",
        "a[href^='/u/' i]:not(.own, [rel])",
        "li:nth-child(2n+1):hover",
        "p:has(> b, + i) *",
        ":root",
        "Größe.straße, .sm\\:w-1\\/2",
        " .a  >  .b ",
        ":is(h1, h2):where(.x)",
    ],
)
def test_what_browsers_take_is_taken(text: str) -> None:
    """Names, attributes, combinators, states, nested lists, escapes."""
    check(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is expected"),
        (".a,", "is expected"),
        (".a >", "'>' has nothing behind it"),
        ("> .a", "is expected"),
        (".", "is expected"),
        ("a[b='c]", "'[b='c]' has no place"),
        ("[a]b", "'b' has no place"),
        ("a[b]]", "']' has no place"),
        (".a::before", "it would match nothing"),
        ("p:after", "it would match nothing"),
        (".a:hoover", "Did you mean ':hover'?"),
        (":not(.a", "':not(' is not closed"),
        (":nth-child(2", "':nth-child(' is not closed"),
        (".a /* x */", "is expected"),
        ("a\\", "'\\' has no place"),
        (".price €%", "has no place"),
    ],
)
def test_what_no_browser_takes_is_refused(text: str, said: str) -> None:
    """One sentence that names the place."""
    with pytest.raises(ValueError) as caught:
        check(text)

    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["*", "main *", ".a, form > *:hover", ":not(.x)"])
def test_unmask_names_what_it_shows(text: str) -> None:
    """A list that releases any element would release the value of each field."""
    with pytest.raises(UserError, match="would show every field"):
        SiteOptions().changed([f"unmask={text}"])

    assert text == SiteOptions().changed([f"mask={text}"]).mask
