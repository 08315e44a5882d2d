"""The score where people and programs see it: list, session page, API."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest

from console.score_words import BANDS, band_text
from core.model import Flag, Score, Verdicts, band_of
from detector.facts import Facts
from detector.rule import Scoring
from detector.score import Scorer
from tests.console.support import START, Running, Visit
from tests.console.test_api import call

CHECKOUT = Scoring(critical_paths=("/checkout*",))


async def scored(console: Running, name: str, *flags: dict[str, Any], minute: int = 0) -> Score:
    """Write a session with *flags*, scored as the detector does, and return its score."""
    visit = Visit(console.store, name, start=START + minute * 60_000)
    await visit.send([{"t": 0, "type": "page"}])
    made: list[Flag] = [await visit.flag(**flag) for flag in flags]
    score = Scorer(CHECKOUT).score(made, Facts())
    await console.store.commit_verdicts([Verdicts(name, 0, (), score=score)])
    return score


async def some(console: Running) -> Score:
    """Write sessions of different scores, the highest in the middle; return that."""
    await scored(console, "calm", minute=2)
    high = await scored(
        console, "high",
        {"rule": "rage_click", "at": 5000, "page": "/checkout", "label": "Pay"},
        {"rule": "dead_click", "at": 5500, "title": "Dead click", "label": "Pay"},
        {"rule": "dead_click", "at": 65_000, "title": "Dead click", "label": "Pay"},
        minute=1,
    )  # fmt: skip
    await scored(console, "low", {"rule": "dead_click", "title": "Dead click"})
    await Visit(console.store, "open", start=START + 180_000).send([{"t": 0, "type": "page"}])
    return high


def rows(html: str) -> list[str]:
    """Return the ids of the sessions listed in *html*."""
    return re.findall(r'<tr id="s-(\w+)"', html)


async def test_list_shows_scores_in_words_and_sorts_by_them(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """The column has number and band; the order and the least band are chosen in the address."""
    high = await some(console)
    await console.sign_in(http)

    async def shown(query: str) -> str:
        async with http.get(f"{console.url}/sessions?lang=de{query}") as page:
            return await page.text()

    newest = await shown("")
    assert ["open", "calm", "high", "low"] == rows(newest)
    assert ["high", "low", "calm", "open"] == rows(await shown("&order=score"))
    assert [] == rows(await shown("&score=severe"))
    assert f'<b>{high.value}</b> <span class="band">gering</span>' in newest
    assert '<b>0</b><span class="sr-only"> keine Auffälligkeit</span>' in newest
    assert "noch nicht gewertet" in newest
    assert "höchste Wertung zuerst</caption>" in await shown("&order=score&since=")


async def test_session_page_shows_the_sum_with_each_term(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Every flag is a row with its factors and a link to its moment; they add up to the score."""
    score = await some(console)
    await console.sign_in(http)
    async with http.get(f"{console.url}/sessions/high?lang=en") as page:
        html = await page.text()

    panel = html[html.index("score-panel") : html.index("facts-title")]
    links = re.findall(r'href="(/sessions/high\?flag=[^"]+)"', panel)
    assert [f"/sessions/high?flag={term.flag}" for term in score.terms] == links
    words = (
        "weight of the rule", "on a critical page or step", "part of the same incident",
        "repeated on the same thing", "0:05", "1:05",
    )  # fmt: skip
    assert [] == [word for word in words if word not in panel]
    assert 1.5 + 0.25 + 0.5 == score.points
    assert "2.25 <span aria-hidden" in panel
    assert f"<b>{score.value}</b></td></tr></tfoot>" in panel


async def test_session_pages_without_terms_say_why(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """No struggle, and not scored yet, are said in words."""
    await some(console)
    await console.sign_in(http)
    told = {"calm": "No struggle was found.", "open": "This session was not scored yet."}
    for name, text in told.items():
        async with http.get(f"{console.url}/sessions/{name}?lang=en") as page:
            assert text in await page.text()


async def test_api_gives_scores_and_their_terms(console: Running) -> None:
    """Lists have score and band, can be narrowed and sorted; a session has points and terms."""
    score = await some(console)
    _, listed = await call(console, "/sessions?order=score", "read")
    _, narrowed = await call(console, "/sessions?score_min=1&score_max=8", "read")
    _, one = await call(console, "/sessions/high", "read")
    status, wrong = await call(console, "/sessions?order=worst", "read")

    assert [("high", "low"), ("low", "low"), ("calm", "none"), ("open", None)] == [
        (session["id"], session["band"]) for session in listed["sessions"]
    ]
    assert ["low"] == [session["id"] for session in narrowed["sessions"]]
    session = one["session"]
    assert (score.value, score.points) == (session["score"], session["points"])
    first = session["terms"][0]
    assert (score.terms[0].flag, {"critical": 1.5}, 1.5) == (
        first["flag"], first["context"], first["points"],
    )  # fmt: skip
    assert (400, "bad_parameter") == (status, wrong["code"])


@pytest.mark.parametrize("band", BANDS)
def test_bands_begin_and_end_where_they_say(band: str) -> None:
    """Both ends of a band belong to it, the numbers beside them do not."""
    first, last = BANDS[band]

    assert [band, band] == [band_of(first), band_of(last)]
    assert band not in {band_of(first - 1), band_of(min(100, last + 1)) if last < 100 else ""}
    assert band == band_text(first, str)
