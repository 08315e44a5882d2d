"""The page that releases masked regions, without a browser: what is refused, saved, and taken back."""

from __future__ import annotations

import re
from html import unescape

import aiohttp
import pytest

from console.release_pages import split
from tests.console.support import (
    Running,
    Visit,
    element,
    form_token,
    rrweb_page,
    text_node,
)

WRITTEN = ".price:not(input,select,textarea)"


@pytest.fixture
async def owner(console: Running, http: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """An owner who is signed in, and a session with a masked price on /konto and another on /kasse."""
    await console.sign_in(http)
    for name, path in (("s1", "/konto"), ("s2", "/kasse")):
        price = element(6, "p", [text_node(7, "xxx xx")], {"class": "price"})
        visit = Visit(console.store, name)
        await visit.send(
            [{"t": 0, "type": "page", "path": path}], recording=rrweb_page(children=[price])
        )
    return http


async def shown(console: Running, owner: aiohttp.ClientSession, *chosen: str) -> str:
    """Return the page that shows what *chosen* would open."""
    query = [("session", "s1"), ("path", "/konto"), *(("chosen", one) for one in chosen)]
    async with owner.get(f"{console.url}/release", params=query) as answer:
        assert 200 == answer.status
        return unescape(await answer.text())


async def sent(console: Running, owner: aiohttp.ClientSession, **values: str) -> tuple[int, str]:
    """Send the form; return the answer's status, and the site's option afterwards."""
    token = form_token(await shown(console, owner))
    form = {"form_token": token, "session": "s1", **values}
    async with owner.post(f"{console.url}/release", data=form, allow_redirects=False) as answer:
        site = await console.store.site("shop")
        assert site
        return answer.status, site.options.unmask


async def test_it_shows_the_page_of_the_pick_first_and_all_others(
    console: Running, owner: aiohttp.ClientSession
) -> None:
    """Each with its texts; sessions and pages that were looked at are told."""
    page = await shown(console, owner, ".price")
    rows = re.findall(r'<th scope="row".*?</tr>', page, re.DOTALL)

    assert WRITTEN in page
    assert 2 == len(rows)
    assert "picked here" in rows[0]
    assert "other page" in rows[1]
    assert "2 sessions were looked at, with 2 pages." in " ".join(page.split())
    assert "Release on 2 pages" in page


@pytest.mark.parametrize(
    "selector",
    ["input", "form textarea.big", "*", "div *", "#order-12345", "p:hover", "p, input", "p{}", "[title=x]", "a" * 400],
)  # fmt: skip
async def test_what_cannot_be_foreseen_is_not_released(
    console: Running, owner: aiohttp.ClientSession, selector: str
) -> None:
    """Fields, everything, names that recordings mask, and what paths do not tell: refused with a reason, also when sent."""
    page = await shown(console, owner, selector)
    status, unmask = await sent(console, owner, chosen=selector)

    assert 'role="alert"' in page
    assert "Release on" not in page
    assert (200, "") == (status, unmask)


async def test_a_release_is_added_and_taken_back(
    console: Running, owner: aiohttp.ClientSession
) -> None:
    """What was there stays; the same again changes nothing; both are in the audit log, with who did it."""
    site = await console.store.site("shop")
    assert site
    await console.store.set_site_options(
        site.key, site.options.changed(['unmask=[data-x="a,b"], .old:not(.x, .y)'])
    )
    before = '[data-x="a,b"], .old:not(.x, .y)'

    assert (303, f"{before}, {WRITTEN}") == await sent(console, owner, chosen=".price")
    assert (200, f"{before}, {WRITTEN}") == await sent(console, owner, chosen=".price")
    assert (303, f'[data-x="a,b"], {WRITTEN}') == await sent(
        console, owner, mask_again=".old:not(.x, .y)"
    )
    log = [(one.who, one.action, one.subject) for one in await console.store.audited(2)]
    assert [
        ("owner", "masked_again", "site sshop: .old:not(.x, .y)"),
        ("owner", "released", f"site sshop: {WRITTEN}"),
    ] == log


def test_a_selector_list_is_split_where_it_says_or() -> None:
    """Commas in brackets, quotes and behind a backslash belong to their selector."""
    parts = [".a", ":is(.b, .c > d)", '[x="],("]', r".e\,f", "g"]

    assert parts == split(" , ".join(parts))
    assert [] == split(" , ")
