"""The page that finds a caller's session: codes lead there, slips are named, what is remembered is ranked."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import aiohttp
import pytest

from core.codes import GivenCode, new_code, slips_of, spaced
from tests.console.support import START, Running, Visit

HOUR_MS = 3_600_000
MINUTE = 60_000


@pytest.fixture
async def agent(console: Running, http: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """Somebody who is signed in."""
    await console.sign_in(http)
    return http


async def visit(console: Running, id_: str, start: int = START, **more: Any) -> Visit:
    """Store a session that is on /kasse for ten minutes and presses "Weiter" after five."""
    made = Visit(console.store, id_, start=start, **more)
    await made.send(
        [
            {"t": 0, "type": "page", "path": "/"},
            {"t": 4 * MINUTE, "type": "page", "path": "/kasse"},
            {"t": 5 * MINUTE, "type": "click", "path": "/kasse", "target": {"key": "w", "label": "Weiter", "tag": "button"}},
            {"t": 10 * MINUTE, "type": "click", "path": "/kasse"},
        ]
    )  # fmt: skip
    return made


async def code_of(console: Running, session: str, hours: int = 24) -> GivenCode:
    given = await console.store.give_code(session, hours * HOUR_MS)
    assert given
    return given


async def found(console: Running, agent: aiohttp.ClientSession, text: str, **more: str) -> str:
    """Return the page that answers *text*, as plain text with its links."""
    query = {"q": text, **more}
    async with agent.get(f"{console.url}/find", params=query, allow_redirects=False) as answer:
        assert answer.status == 200, answer.headers.get("Location")
        return unescape(await answer.text())


async def leads(console: Running, agent: aiohttp.ClientSession, text: str) -> str:
    """Return where *text* leads."""
    async with agent.get(
        f"{console.url}/find", params={"q": text}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
        return answer.headers["Location"]


def links(page: str) -> list[str]:
    """Return the addresses of the sessions that *page* lists, in order."""
    return re.findall(r'<h3><a href="([^"]+)"', page)


async def test_a_code_leads_to_the_last_struggle(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """However it is written; of several the one that began last, a mere note only if there is nothing else."""
    made = await visit(console, "s1")
    code = (await code_of(console, "s1")).code
    await made.flag("note", at=9 * MINUTE, severity="info")
    note = await leads(console, agent, code)
    await made.flag(at=3 * MINUTE)
    last = await made.flag("dead_click", at=5 * MINUTE, severity="low")

    for page in ("/search", "/sessions"):
        async with agent.get(
            console.url + page, params={"q": code}, allow_redirects=False
        ) as answer:
            assert f"/sessions/s1?flag={last.id}" == answer.headers["Location"]
    assert "/sessions/s1?flag=note" in note
    assert f"/sessions/s1?flag={last.id}" == await leads(console, agent, code)
    assert f"/sessions/s1?flag={last.id}" == await leads(
        console, agent, f" {spaced(code).lower()} "
    )


async def test_without_a_struggle_it_leads_to_what_is_going_on_or_to_the_end(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """A running session is followed; one that has ended opens five seconds before that."""
    await visit(console, "s1")
    code = (await code_of(console, "s1")).code
    running = await leads(console, agent, code)
    await console.store.end_session("s1", "ended")

    assert "/sessions/s1" == running
    assert f"/sessions/s1?at={10 * MINUTE - 5_000}" == await leads(console, agent, code)


async def test_a_slip_is_named_with_what_was_meant(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """A wrong character opens nobody's session; the one that was surely meant is one press away."""
    await visit(console, "s1")
    await visit(console, "s2")
    code = (await code_of(console, "s1")).code
    await code_of(console, "s2")
    wrong = next(one for one in _misheard(code) if code in slips_of(one))
    page = await found(console, agent, wrong)

    assert f"There is a slip in the code {spaced(wrong)}" in page
    assert ["/sessions/s1"] == links(page)
    assert spaced(code) in page


def _misheard(code: str) -> list[str]:
    """Return *code* with its first two different characters swapped."""
    at = next(at for at in range(5) if code[at] != code[at + 1])
    return [code[:at] + code[at + 1] + code[at] + code[at + 2 :]]


async def test_a_code_of_nobody_and_one_that_has_run_out_are_told_apart(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """The first says what else to ask for; the second is not opened by itself, but names its session."""
    await visit(console, "s1")
    given = await code_of(console, "s1", hours=1)
    nobody = next(one for one in iter(new_code, given.code))
    unknown = await found(console, agent, nobody)
    console.clock.now += 90 * MINUTE
    over = await found(console, agent, given.code)

    assert f"No session has the code {spaced(nobody)}" in unknown
    assert [] == links(unknown)
    assert f"The code {spaced(given.code)} has run out" in over
    assert ["/sessions/s1"] == links(over)


async def test_what_a_caller_remembers_ranks_sessions_with_reasons(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """Time, page and device: the session that fits in all comes first, and opens at its struggle."""
    phone, desktop = {"device": "mobile", "browser": "Safari", "os": "iOS"}, {"device": "desktop"}
    right = await visit(console, "right", attributes=phone)
    flag = await right.flag("dead_click", title="Dead click", at=6 * MINUTE, page="/kasse")
    await visit(console, "computer", attributes=desktop)
    await visit(console, "earlier", start=START - 3 * HOUR_MS, attributes=phone)
    other = Visit(console.store, "elsewhere", attributes=phone)
    await other.send(
        [
            {"t": 0, "type": "page", "path": "/blog"},
            {"t": 8 * MINUTE, "type": "click", "path": "/blog"},
        ]
    )
    console.clock.now = START + 30 * MINUTE
    at = "about 14:18"  # START is 14:13:20 UTC
    page = await found(console, agent, f"{at}, checkout, phone", tz="UTC")

    assert f"/sessions/right?flag={flag.id}" == links(page)[0]
    assert "earlier" not in page
    first = re.search(r'<ul class="reasons".*?</ul>', page, re.DOTALL)
    assert first
    words = " ".join(re.sub(r"<[^>]+>", " ", first[0]).split())
    for reason in ("on the site at that time:", "Phone", "page / kasse", "struggle: Dead click"):
        assert reason in words
    assert "does not fit" not in words
    assert ["right", "elsewhere", "computer"] == [re.split(r"[/?]", one)[2] for one in links(page)]


async def test_the_callers_clock_is_the_agents(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """The same words find another hour in another zone; a zone that does not exist is UTC."""
    await visit(console, "s1")
    console.clock.now = START + 30 * MINUTE

    for zone, text in (("Europe/Berlin", "16:18"), ("UTC", "14:18"), ("Nowhere/At_all", "14:18")):
        assert ["s1"] == [
            re.split(r"[/?]", one)[2] for one in links(await found(console, agent, text, tz=zone))
        ]
    assert [] == links(await found(console, agent, "14:18", tz="Europe/Berlin"))


async def test_a_button_a_rule_and_german_words_are_found(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """What was pressed by its name, the struggle by the name of its rule, pages by what people call them."""
    made = await visit(console, "s1")
    await made.flag("dead_click", title="Dead click", at=6 * MINUTE)
    console.clock.now = START + 30 * MINUTE

    assert "pressed “Weiter”" in await found(console, agent, "vor 25 Minuten, weiter")
    assert "Dead click" in await found(console, agent, "25 minutes ago, dead")
    assert "page" in await found(console, agent, "vor 25 Minuten, bezahlen")
    nothing = await found(console, agent, "vor 25 Minuten, newsletter")
    assert "nothing there is called “newsletter”" in nothing


async def test_what_was_typed_is_never_more_than_text(
    console: Running, agent: aiohttp.ClientSession
) -> None:
    """Script in the field is shown as text, and a text of any length or kind is answered."""
    async with agent.get(
        f"{console.url}/find", params={"q": "<script>alert(1)</script>"}
    ) as answer:
        assert "<script>alert" not in await answer.text()
    for text in (
        "x" * 3_000,
        "\u202e\x00\ud7ff",
        "99:99 31.2. vor 99999999 Minuten",
        "/" * 100,
        "((((([[[",
    ):
        async with agent.get(
            f"{console.url}/find", params={"q": text, "tz": "../../etc/passwd"}
        ) as answer:
            assert 200 == answer.status
