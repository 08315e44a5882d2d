"""The link of a server's first start: it signs the owner in once, within the hour, and nobody else."""

from __future__ import annotations

import aiohttp

from console.accounts import OWNER, set_user
from console.context import CONSOLE
from console.first_link import GOOD_MS
from tests.console.support import PASSWORD, Running, Visit, rrweb_page


async def link_of(console: Running) -> str:
    """Return the address of a new link for the owner there is."""
    owner = await console.store.user(OWNER)
    assert owner is not None
    return console.url + console.app[CONSOLE].first_link.make(owner)


async def opened(http: aiohttp.ClientSession, link: str, method: str = "GET") -> tuple[int, str]:
    """Return status and Location of what opening *link* comes to."""
    async with http.request(method, link, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_it_lets_in_once(console: Running, http: aiohttp.ClientSession) -> None:
    """It leads on, signed in, and is in the audit log; opened again, elsewhere too, it is over. A look ahead is none."""
    link = await link_of(console)

    assert 405 == (await opened(http, link, "HEAD"))[0]
    assert (303, "/") == await opened(http, link)
    async with http.get(console.url + "/sites") as answer:
        assert 200 == answer.status
    assert (410, "") == await opened(http, link)
    async with http.get(link) as answer:
        assert "Sign in with the password" in await answer.text()
    [entry, *_] = await console.store.audited(5)
    assert ("owner", "signed_in") == (entry.who, entry.action)


async def test_it_leads_to_the_newest_visit(console: Running, http: aiohttp.ClientSession) -> None:
    """Who has opened a page of theirs meanwhile sees that."""
    await Visit(console.store, "v1").send([{"t": 0, "type": "page"}], recording=rrweb_page())

    assert (303, "/sessions/v1") == await opened(http, await link_of(console))


async def test_it_ends(console: Running, http: aiohttp.ClientSession) -> None:
    """After an hour, by a new password, by a newer link; a word that is made up lets nobody in."""
    old = await link_of(console)
    newer = await link_of(console)
    console.clock.now += GOOD_MS

    assert 410 == (await opened(http, old))[0]
    assert 410 == (await opened(http, newer))[0]
    link = await link_of(console)
    await set_user(console.store, OWNER, "owner", PASSWORD + " new")
    assert 410 == (await opened(http, link))[0]
    assert 410 == (await opened(http, console.url + "/enter/made-up"))[0]
    async with http.get(console.url + "/sites", allow_redirects=False) as answer:
        assert answer.status in (303, 401)
