"""The sessions beside one in the list it was opened from, its notes, and what is told of both: without a browser."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import aiohttp
import pytest

from console.panel_words import EVENT_KINDS
from core.events import load_schema
from core.model import User
from core.readers import MOST_TEXT, Note
from tests.console.support import START, Running, Visit, form_token


async def visits(console: Running) -> str:
    """Store five visits: those with an even number have a struggle; return its key."""
    for number in range(5):
        visit = Visit(console.store, f"v{number}", start=START + number * 60_000)
        await visit.send([{"t": 0, "type": "page"}])
        if number % 2 == 0:
            await visit.flag(at=100 + number)
    [struggle] = await console.store.struggles()
    return struggle.key


async def beside(console: Running, http: aiohttp.ClientSession, address: str) -> dict[str, str]:
    """Return where the page at *address* leads: back, previous, next."""
    async with http.get(console.url + address) as answer:
        html = await answer.text()
    assert answer.status == 200, html
    found = {}
    for name, pattern in {
        "back": r'class="crumbs[^>]*><a href="([^"]*)"',
        "previous": r'id="previous-session" href="([^"]*)"',
        "next": r'id="next-session" href="([^"]*)"',
    }.items():
        if match := re.search(pattern, html, re.DOTALL):
            found[name] = unescape(match[1])
    return found


async def test_beside_in_any_list(console: Running, http: aiohttp.ClientSession) -> None:
    """Without a list all sessions count, with filters those that match, and a struggle's own at its moment."""
    await console.sign_in(http)
    key = await visits(console)
    struck = f"list=struggle%3D{key}"

    assert {
        "back": "/sessions",
        "previous": "/sessions/v3",
        "next": "/sessions/v1",
    } == await beside(console, http, "/sessions/v2")
    assert {
        "back": "/sessions?rule=rage_click",
        "previous": "/sessions/v4?list=rule%3Drage_click",
        "next": "/sessions/v0?list=rule%3Drage_click",
    } == await beside(console, http, "/sessions/v2?list=rule%3Drage_click")
    assert {
        "back": f"/struggles/{key}",
        "previous": f"/sessions/v4?flag=rage_click-v4-104&{struck}",
        "next": f"/sessions/v0?flag=rage_click-v0-100&{struck}",
    } == await beside(console, http, f"/sessions/v2?{struck}")


async def test_beside_keeps_its_place(console: Running, http: aiohttp.ClientSession) -> None:
    """At the ends there is nobody beside; a session that is not in the list stands where it would."""
    await console.sign_in(http)
    await visits(console)

    assert {"back": "/sessions", "next": "/sessions/v3"} == await beside(
        console, http, "/sessions/v4"
    )
    assert {"back": "/sessions", "previous": "/sessions/v1"} == await beside(
        console, http, "/sessions/v0"
    )
    found = await beside(console, http, "/sessions/v1?list=rule%3Drage_click")
    assert ["v2", "v0"] == [found[name][10:12] for name in ("previous", "next")]


@pytest.mark.parametrize(
    "asked", ["%3D%3D%26", "struggle%3Dnone", "x" * 5_000, "site%3D%00", "after%3Dx"]
)
async def test_a_list_that_is_none(
    console: Running, http: aiohttp.ClientSession, asked: str
) -> None:
    """Whatever stands in the address, the session's page is shown."""
    await console.sign_in(http)
    await visits(console)

    assert "back" in await beside(console, http, f"/sessions/v2?list={asked}")


async def post(
    console: Running, http: aiohttp.ClientSession, path: str, **form: str
) -> tuple[int, Any]:
    async with http.get(console.url + "/sessions/v1") as answer:
        form["form_token"] = form_token(await answer.text())
    headers = {"Accept": "application/json"}
    async with http.post(
        f"{console.url}/sessions/v1/notes{path}", data=form, headers=headers
    ) as answer:
        told = await answer.json() if answer.content_type == "application/json" else None
        return answer.status, told


async def test_notes_lie_within_their_session(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """A note stands at the nearest moment of the session; without words, or with too many, there is none."""
    await console.sign_in(http)
    await Visit(console.store, "v1").send([{"t": 0, "type": "page"}, {"t": 9_000, "type": "click"}])
    for at in ("nan", "-5", "1e400", str(START + 4_000.5), str(START + 10**9)):
        assert 200 == (await post(console, http, "", at=at, text=" Look\r\nhere "))[0]
    _, told = await post(console, http, "", at="inf", text="x" * MOST_TEXT)

    assert [0, 0, 4_000.5, 9_000, 9_000, 9_000] == sorted(
        note["at"] - START for note in told["notes"]
    )
    assert {"Look\nhere", "x" * MOST_TEXT} == {note["text"] for note in told["notes"]}
    for text in ("", " \n ", "x" * (MOST_TEXT + 1)):
        assert 400 == (await post(console, http, "", at="0", text=text))[0]
    assert 6 == len(await console.store.notes("v1"))


async def test_notes_of_others(console: Running, http: aiohttp.ClientSession) -> None:
    """Nobody changes what somebody else wrote; an owner may take it away, support only their own."""
    await console.sign_in(http)
    await Visit(console.store, "v1").send([{"t": 0, "type": "page"}])
    await console.store.add_note(Note("n1", "v1", START, "ada", "Look", START))
    owner = await console.store.user("owner")
    assert owner

    assert 403 == (await post(console, http, "/n1", text="changed"))[0]
    await console.store.add_user(User("owner", "support", owner.password_hash))
    assert 403 == (await post(console, http, "/n1/remove"))[0]
    await console.store.add_user(owner)
    assert (200, {"notes": []}) == await post(console, http, "/n1/remove")


def test_every_event_has_a_kind() -> None:
    """The list's filter knows every event of the schema that a browser sends, but those that are never listed."""
    known = {name for types in EVENT_KINDS.values() for name in types}
    silent = {"leave", "visibility", "scroll", "frame"}
    sent = {name for name, one in load_schema().events.items() if one.by == "browser"}

    assert set() == sent - known - silent
