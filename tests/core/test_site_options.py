"""The options of a site: how they are written, kept and documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from core.errors import UserError
from core.site_options import SiteOptions, shown

DOCS = Path(__file__).parents[2] / "docs"


def test_options_are_written_as_name_and_value() -> None:
    """Each kind of value is read, and an empty one is the default again."""
    options = SiteOptions().changed(
        [
            "enabled=false",
            "mask=.price, #sum td:has(> b)",
            "url_params=q, page,q",
            "images=capture",
            "assets_mb=50",
        ]
    )

    assert options == SiteOptions(
        enabled=False,
        mask=".price, #sum td:has(> b)",
        url_params=("q", "page"),
        images="capture",
        assets_mb=50,
    )
    assert options.changed(["enabled=", "mask=", "url_params=", "images=", "assets_mb="]) == (
        SiteOptions()
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("masks=.a", "Did you mean 'mask'?"),
        ("mask", "write name=value"),
        ("mask=.a, ,b", "between two commas"),
        ("mask=.a {color:red}", "no CSS selector"),
        ("mask=a[b", "'[' or ']' has no partner"),
        ("enabled=no", "write true or false"),
        ("assets_mb=0", "whole number"),
        ("images=all", "write allow, capture or placeholder"),
        ("url_params=a b", "'a b' is none"),
        ("frame_origins=pay.example", "https://pay.example.org"),
    ],
)
def test_wrong_options_are_refused_with_what_to_write(given: str, said: str) -> None:
    """What cannot be meant is refused; a sentence says what to write."""
    with pytest.raises(UserError) as caught:
        SiteOptions().changed([given])

    assert said in str(caught.value)


def test_all_wrong_options_are_named_at_once() -> None:
    """Two mistakes are two lines."""
    with pytest.raises(UserError) as caught:
        SiteOptions().changed(["enabled=no", "colour=red"])

    assert 2 == len(str(caught.value).splitlines())


def test_only_what_concerns_the_browser_is_sent() -> None:
    """Defaults cost no bytes in the loader, and the quota is the server's."""
    assert {} == SiteOptions(assets_mb=5).for_browser()
    assert {"mask": ".a"} == SiteOptions(mask=".a", assets_mb=5).for_browser()


def test_options_of_a_later_version_are_left_out() -> None:
    """A folder that a newer version has written still opens."""
    assert SiteOptions(mask=".a") == SiteOptions.from_json({"mask": ".a", "later": 1})


def test_the_docs_name_each_option() -> None:
    """The table of docs/operating.md has a row for each option, as it is declared."""
    table = (DOCS / "operating.md").read_text()
    missing = [
        one.name
        for one in fields(SiteOptions)
        if f"| `{one.name}` | {f'`{shown(one.default)}`' if shown(one.default) else ''} |"
        f" {one.metadata['help']} |" not in table
    ]

    assert [] == missing
