"""Whether visits of a site arrive is told by what happened last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from core.connection import PATIENCE_MS, RECENT_MS, connection
from core.health import SiteHealth, Tallied, What
from core.model import Session
from core.site_options import SiteOptions
from tests.core.support import NOON, SITE

ORIGIN = SITE.origins[0]


def health(*counts: tuple[What, str, int], keys: tuple[tuple[str, int], ...] = ()) -> SiteHealth:
    """Return counts of (what, detail, milliseconds ago)."""
    found: dict[What, tuple[Tallied, ...]] = {}
    for what, detail, ago in counts:
        found[what] = (*found.get(what, ()), Tallied(detail, 1, NOON - ago))
    unknown = tuple(Tallied(detail, 1, NOON - ago) for detail, ago in keys)
    return SiteHealth(SITE.key, 0, found, unknown_keys=unknown)


def visit(ago: int) -> Session:
    at: Any = NOON - ago
    return Session(
        "s1", SITE.key, "shop", at, at, None, None, 1, 1, 0, True, None, None, {}, "/", "/", None, ()
    )  # fmt: skip


HOUR = 3_600_000
PAGE: tuple[What, str, int] = ("loader", ORIGIN, 1000)

CASES = {
    "nothing yet": (health(), None, "waiting", ()),
    "long ago": (health(("loader", ORIGIN, RECENT_MS + 1)), None, "waiting", ()),
    "a page asked just now": (health(PAGE), None, "fetched", (ORIGIN,)),
    "it asked and sent nothing": (
        health(("loader", ORIGIN, PATIENCE_MS + 1)), None, "nothing_sent", (ORIGIN,),
    ),
    "who asked is not known": (health(("loader", "?", 1000)), None, "fetched", ()),
    "it was left at once": (health(("loader", ORIGIN, 9000), ("early", "", 8000)), None, "left", ()),
    "from elsewhere": (
        health(PAGE, ("origin", "https://x.example", 500), ("refused", "origin", 500)),
        None, "origin", ("https://x.example",),
    ),
    "refused": (health(PAGE, ("refused", "too_large", 500)), None, "refused", ("too_large",)),
    "with a wrong key": (health(keys=((f"{ORIGIN} sother", 500),)), None, "wrong_key", ("sother",)),
    "a stranger with a wrong key": (
        health(keys=(("https://x.example sother", 500),)), None, "waiting", (),
    ),
    "the newest counts": (
        health(("origin", "https://old.example", 9000), ("origin", "https://x.example", 500)),
        None, "origin", ("https://x.example",),
    ),
    "a visit": (health(PAGE), visit(2000), "received", ()),
    "a visit, and one who does not want": (
        health(("loader", ORIGIN, 20_000)), visit(60_000), "received", (),
    ),
    "a visit, then it was refused": (
        health(("refused", "too_large", 500)), visit(60_000), "refused", ("too_large",),
    ),
    "refused, then a visit": (health(("refused", "too_large", 9000)), visit(500), "received", ()),
    "visits of before, none today": (health(), visit(HOUR), "received", ()),
    "visits of before, now nothing is sent": (
        health(("loader", ORIGIN, 60_000)), visit(HOUR), "nothing_sent", (ORIGIN,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_happened_last_is_told(case: str) -> None:
    """Each way in which visits do not arrive has a state of its own, and one that arrives ends it."""
    counts, newest, state, names = CASES[case]
    found = connection(SITE, counts, newest, NOON)

    assert (state, names) == (found.state, found.names)
    assert (found.session is not None) == (state == "received")


def test_a_site_that_is_switched_off_says_so() -> None:
    """Whatever pages do: nothing is recorded."""
    off = replace(SITE, options=cast(SiteOptions, replace(SITE.options, enabled=False)))

    assert "off" == connection(off, health(PAGE), visit(5), NOON).state
