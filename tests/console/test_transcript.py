"""The transcript: golden texts in both languages, what stands in it and what never does, its page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest_asyncio

from console.language import Language
from console.transcript_words import told
from core.readers import Note
from core.sqlite import SqliteStore
from replay.known import WHOLE, Span, known_of
from replay.tables import events_json
from replay.transcript import transcribe
from stolper.sealer import BackgroundSealer
from tests.console.support import START, Clock, Running, Visit, rrweb_page, scroll, shop

GOLDEN = Path(__file__).parent / "transcripts"

PAY = {"key": "#pay", "tag": "button", "role": "button", "label": "Pay now"}
BASKET = {"key": "#basket", "tag": "a", "role": "link", "label": "Basket"}
CODE = {"key": "#code", "tag": "input", "input_type": "text", "label": "Coupon"}
MASKED = {"key": "#name", "tag": "a", "role": "link", "label": "•••••• •••"}
TERMS = {"key": "#terms", "tag": "input", "input_type": "checkbox", "label": "Terms"}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", Clock())
    await opened.open()
    await opened.add_site(shop())
    yield opened
    await opened.close()


def press(t: float, target: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"t": t, "type": "click", "pointer": "mouse", "target": target, **facts}


async def text_of(store: SqliteStore, language: str, span: Span = WHOLE, id_: str = "v") -> str:
    session = await store.session(id_)
    assert session
    known = await known_of(store, session, span)
    return told(session, transcribe(known), Language(language)).text


async def checkout(store: SqliteStore) -> None:
    """Write a visit that has one of nearly everything."""
    visit = Visit(store, "v", attributes={"device": "mobile", "browser": "Chrome", "os": "Android"})
    path = {"path": "/checkout"}
    await visit.send(
        [
            {"t": 0, "type": "page", "nav": "load", "path": "/"},
            press(2_000, BASKET, answered_ms=60),
            {"t": 2_100, "type": "page", "nav": "route", **path},
            press(4_000, CODE, answered_ms=20, answer="focus", **path),
            press(9_000, PAY, pointer="touch", request_ms=20, **path),
            {"t": 9_040, "type": "field", "form": "pay", "field": "code", "cause": "blur", "changed": True,
             "refills": 2, "paste": True, "target": CODE, **path},
            {"t": 9_050, "type": "form", "form": "pay", "how": "click", "outcome": "refused",
             "invalid_fields": ["code"], "target": PAY, **path},
            {"t": 9_060, "type": "request", "method": "POST", "url": "/api/pay", "status": 502,
             "duration_ms": 800, **path},
            {"t": 9_300, "type": "message", "severity": "error", "hash": "h", "target": {"key": "#m", "tag": "p"}, **path},
            press(12_000, PAY, pointer="touch", **path),
            press(12_400, PAY, pointer="touch", **path),
            press(12_800, PAY, pointer="touch", **path),
            press(13_300, PAY, pointer="touch", **path),
            {"t": 13_400, "type": "error", "message": "x is undefined", "file": "shop.example/a.js", "line": 7, **path},
            {"t": 80_000, "type": "visibility", "state": "hidden", **path},
            {"t": 140_000, "type": "visibility", "state": "visible", **path},
            press(141_000, TERMS, answered_ms=9, answer="value", **path),
            {"t": 141_010, "type": "field", "form": "pay", "field": "terms", "cause": "choice", "changed": True,
             "target": TERMS, **path},
            {"t": 141_900, "type": "field", "form": "pay", "field": "terms", "cause": "blur", "changed": True,
             "target": TERMS, **path},
            *({"t": 150_000 + 5_000 * n, "type": "request", "method": "GET", "url": "/api/news", "status": 0,
               "duration_ms": 20 + n, **path} for n in range(20)),
            press(250_000, MASKED, answered_ms=1_600, **path),
            {"t": 251_000, "type": "custom", "name": "cart", "props": {"ok": False, "total": 12.5}, **path},
        ]
    )  # fmt: skip
    await visit.flag("rage_click", at=12_000, label="Pay now", page="/checkout")
    await visit.flag("hidden_name", title="Dead click", at=250_000, label="••••", page="/checkout")
    await store.add_note(Note("n1", "v", START + 20_000, "ann", "Look at\nthe gateway", START))
    await store.end_session("v", "left")


async def test_golden(store: SqliteStore) -> None:
    """A visit is told in these words, in English and in German, and every time the same."""
    await checkout(store)

    for language in ("en", "de"):
        text = await text_of(store, language)
        assert (GOLDEN / f"checkout.{language}.txt").read_text(encoding="utf-8") == text
        assert text == await text_of(store, language)


async def test_every_struggle_is_told(store: SqliteStore) -> None:
    """Each flag stands at the top and at its place, also those that are provisional; no withdrawn one."""
    await checkout(store)
    session = await store.session("v")
    assert session
    transcript = transcribe(await known_of(store, session))
    flags = [flag.id for flag in await store.flags("v")]

    assert 2 == len(flags)
    assert sorted(flags) == sorted(f.id for f in transcript.flags)
    assert sorted(flags) == sorted(line.flag.id for line in transcript.lines if line.flag)


async def test_a_span_tells_of_nothing_else(store: SqliteStore) -> None:
    """Of a span only what is in it is told: the page it begins on, and struggles that touch it."""
    await checkout(store)
    text = await text_of(store, "en", Span(8_000, 12_500))

    assert "On the page /checkout." in text
    assert "Rage click" in text
    assert "2 times in 0.4 s" in text
    for other in ("Basket", "undefined", "gateway", "Dead click", "End:", "score"):
        assert other not in text


async def test_what_is_masked_stays_masked(store: SqliteStore) -> None:
    """A masked name is told as that, never by its dots; of a field there is no value to tell."""
    await checkout(store)
    text = await text_of(store, "en")

    assert "a link with masked text" in text
    assert "•" not in text


async def test_several_tabs_are_told_apart(store: SqliteStore) -> None:
    """Where there are several tabs the transcript says in which one the visitor goes on."""
    visit = Visit(store, "v")
    await visit.send([{"t": 0, "type": "page"}, press(9_000, PAY, answered_ms=5)])
    await visit.send(
        [{"t": 0, "type": "page"}, press(500, BASKET, answered_ms=5)],
        load="load-2", tab="tab-2", origin=4_000,
    )  # fmt: skip
    text = await text_of(store, "en")

    assert ["tab 2", "tab 1"] == [
        line.rpartition("Went on in ")[2].rstrip(".")
        for line in text.splitlines()
        if "Went on" in line
    ]


async def test_the_page(console: Running, http: aiohttp.ClientSession) -> None:
    """The page shows all lines, each leading to its moment; a copy button has the text; it is audited."""
    await console.sign_in(http)
    await checkout(console.store)
    async with http.get(console.url + "/sessions/v/transcript?lang=de") as answer:
        html = await answer.text()

    assert 200 == answer.status
    assert "Wutklick" not in html
    assert 'href="/sessions/v?at=12000"' in html
    assert 'href="/sessions/v?flag=rage_click-v-12000"' in html
    assert "Tippte in 1,3 s 4-mal auf die Schaltfläche „Pay now“" in html
    assert ("owner", "transcribed", "v") in [
        (one.who, one.action, one.subject) for one in await console.store.audited(5)
    ]
    async with http.get(console.url + "/sessions/v/transcript?from=0:08&until=0:12") as answer:
        part = await answer.text()

    assert "Skriptfehler" not in part
    async with http.get(console.url + "/sessions/v/transcript?from=9&until=8") as answer:
        assert "Zeiten bitte wie" in await answer.text()


async def test_the_api(console: Running, http: aiohttp.ClientSession) -> None:
    """A program gets the same text, and lines with their places; a wrong parameter is named."""
    await checkout(console.store)
    headers = {"Authorization": f"Bearer {console.tokens['read']}"}
    url = console.url + "/api/v1/sessions/v/transcript"
    async with http.get(url + "?lang=de", headers=headers) as answer:
        found = (await answer.json())["transcript"]

    assert (GOLDEN / "checkout.de.txt").read_text(encoding="utf-8") == found["text"]
    assert {"part": "page", "tone": "page", "place": 0, "offset": "0:00", "text": "Seite /.", "flag": ""} == found["lines"][0]  # fmt: skip
    for query in ("?from=x", "?from=5&until=4"):
        async with http.get(url + query, headers=headers) as answer:
            assert "bad_parameter" == (await answer.json())["code"]


async def test_a_damaged_recording_is_told_once_the_session_is_sealed(store: SqliteStore) -> None:
    """What cannot be played stands in the transcript and in the table of events, with its span."""
    visit = Visit(store, "v")
    await visit.send([{"t": 0, "type": "page", "nav": "load", "path": "/"}], recording=rrweb_page())
    await visit.send([press(2_000, BASKET, answered_ms=60)], recording=b"junk")
    await visit.send([press(9_000, PAY, answered_ms=60)], recording=[scroll(9_000)])
    ended = await store.end_session("v", "left")
    assert ended
    assert await BackgroundSealer(store, Clock()).seal(ended)

    damaged = "A part of the recording is damaged"
    assert damaged in await text_of(store, "en")
    known = await known_of(store, ended)
    kinds = [gap["kind"] for gap in orjson.loads(events_json(known))["gaps"]]
    assert 1 == kinds.count("corrupt_chunk")
    later = orjson.loads(events_json(await known_of(store, ended, Span(5_000))))
    assert "corrupt_chunk" not in [gap["kind"] for gap in later["gaps"]]
