"""What a session is exported as: the same bytes each time, nothing outside a clip, nothing of who it was."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from console.exporting import FORMS, Form, NotBuilt, Wish, file_name, write_export
from core.errors import UserError
from core.model import NewAsset, asset_hash
from core.readers import Note
from core.sqlite import SqliteStore
from replay.known import WHOLE, Span, parse_span
from tests.console.support import (
    START,
    Clock,
    Running,
    Visit,
    add_text,
    element,
    form_token,
    mutation,
    rrweb_page,
    scroll,
    shop,
    text_node,
)
from tests.replay.mirrored import mirrored, state
from tests.replay.offline import offline_parts

SHEET = "p { color: green }" * 20
PICTURE = b"\x89PNG\r\n\x1a\n" + b"picture" * 10


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", Clock())
    await opened.open()
    await opened.add_site(shop())
    yield opened
    await opened.close()


@pytest.fixture
def player(tmp_path: Path) -> Path:
    """A player that is built, as far as the file's bytes go."""
    folder = tmp_path / "player"
    folder.mkdir()
    (folder / "offline.js").write_text("console.log('player')")
    (folder / "offline.css").write_text("body { margin: 0 }")
    return folder


async def written(
    store: SqliteStore, player: Path, form: Form, span: Span = WHOLE, **more: Any
) -> bytes:
    session = await store.session("v")
    assert session
    out = io.BytesIO()
    await write_export(store, session, Wish(form, span, "en", **more), player, out)
    return out.getvalue()


async def visit_with_all(store: SqliteStore) -> None:
    """Write two pages with a sheet and a picture that are kept, a struggle and a note."""
    picture = asset_hash(PICTURE)
    await store.put_asset(NewAsset("sshop", "image", "image/png", PICTURE, START, 1_000_000))
    visit = Visit(store, "v", identity={"id": "ann@shop.example", "verified": True})
    body = [
        element(6, "style", [text_node(7, SHEET)]),
        element(8, "img", [], {"src": "https://shop.example/a.png"}),
    ]
    note = {
        "tag": "stolper.asset",
        "payload": {"url": "https://shop.example/a.png", "asset": {"sha256": picture}},
    }
    await visit.send(
        [
            {"t": 5, "type": "page", "nav": "load", "path": "/first"},
            {"t": 1_500, "type": "click", "target": {"key": "#a", "tag": "button", "label": '=cmd("x")'}},
        ],
        recording=[
            *rrweb_page(children=body),
            {"type": 5, "timestamp": 12, "data": note},
            add_text(1_000, 20, "early words"),
            mutation(2_000, removes=[{"parentId": 5, "id": 20}]),
            add_text(3_000, 30, "kept words"),
            scroll(4_000),
            add_text(9_000, 40, "late words"),
        ],
    )  # fmt: skip
    await visit.send(
        [{"t": 5, "type": "page", "nav": "load", "path": "/second"}],
        recording=[*rrweb_page(children=body), scroll(500)],
        load="load-2",
        origin=10_000,
    )
    await visit.flag("rage_click", at=3_500)
    await store.add_note(Note("n1", "v", START + 3_600, "eve", "call them", START))
    await store.end_session("v", "left")


async def test_same_session_same_bytes(store: SqliteStore, player: Path, tmp_path: Path) -> None:
    """Each file is the same to the byte when it is made again: later, and from another server."""
    await visit_with_all(store)
    for form in FORMS:
        first = await written(store, player, form)
        again = SqliteStore(tmp_path / "data", Clock(START + 86_400_000), read_only=True)
        await again.open()

        assert first == await written(again, player, form), form
        await again.close()


async def test_the_offline_file_holds_all_of_it(store: SqliteStore, player: Path) -> None:
    """Recordings of all pages, one copy of a sheet, the picture, words in both languages; not who it was."""
    await visit_with_all(store)
    html = await written(store, player, "html")
    held = offline_parts(html)

    told = ["recording load-1", "part 0 load-1", "recording load-2", "part 0 load-2", "text 0"]
    assert told == [name for name in held if name[0] in "rpt"]
    assert SHEET == held["text 0"].decode()
    assert PICTURE == held[f"asset {asset_hash(PICTURE)}"]
    data = json.loads(held["data"])
    assert ["en", "de"] == list(data["words"])
    assert ["Rage click"] == [one["title"] for one in data["words"]["de"]["timeline"]["flags"]]
    assert [{"at": START + 3_600, "author": "eve", "text": "call them"}] == data["words"]["en"][
        "notes"
    ]
    assert b"ann@" not in b"".join([html, *held.values()])
    assert b"https://shop.example/a.png" not in held["part 0 load-1"]


async def test_nothing_of_it_can_run(store: SqliteStore, player: Path) -> None:
    """What strangers sent stands in the file as base64 only; its policy names one script and no host."""
    evil = "</script><script>alert(1)</script><!--"
    visit = Visit(store, "v")
    await visit.send(
        [{"t": 1, "type": "page", "path": f"/{evil}"}],
        recording=rrweb_page(evil),
        load=f"l{evil[:9]}",
    )
    html = (await written(store, player, "html")).decode()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)

    assert "alert(1)" not in html
    assert ["console.log('player')"] == [t.strip() for t in re.findall(r"<script>([^<]+)<", html)]
    assert "default-src 'none'; script-src 'sha256-" in policy
    assert "http" not in policy


async def test_a_clip_holds_nothing_else(store: SqliteStore, player: Path) -> None:
    """Of what the page showed before and after a span nothing is in any file; what it shows in it is."""
    await visit_with_all(store)
    span = Span(2_500, 5_000)
    for form in FORMS:
        raw = await written(store, player, form, span)
        text = b"".join(offline_parts(raw).values()) if form == "html" else raw
        for other in (b"early words", b"late words", b"/second", b"load-2"):
            assert other not in text, (form, other)
        assert (b"kept words" in text) == (form in ("html", "rrweb")), form
        if form != "rrweb":
            assert b"Rage click" in text or form == "csv"
    events = json.loads(await written(store, player, "rrweb", span, facts=False))

    assert START + 5 + 2_500 == min(event["timestamp"] for event in events)
    assert "kept words" in str(state(mirrored(events))["tree"])


async def test_a_clip_begins_with_the_page_as_it_was(store: SqliteStore, player: Path) -> None:
    """The clip's first picture is the one that all events before would have drawn."""
    await visit_with_all(store)
    whole = json.loads(await written(store, player, "rrweb", facts=False))
    clip = json.loads(await written(store, player, "rrweb", Span(3_500, 9_500), facts=False))
    until = [event for event in whole if event["timestamp"] <= START + 9_500]

    assert state(mirrored(until))["tree"] == state(mirrored(clip))["tree"]


async def test_events_as_a_table(store: SqliteStore, player: Path) -> None:
    """A row for each event, with its words; a text that a spreadsheet would calculate is not one."""
    await visit_with_all(store)
    raw = await written(store, player, "csv")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))

    assert b"\xef\xbb\xbf" == raw[:3]
    assert ["page", "click", "page"] == [row["type"] for row in rows]
    assert ("1.495", "no reaction seen", "1") == (
        rows[1]["offset_s"],
        rows[1]["detail"],
        rows[1]["tab"],
    )
    assert '\'=cmd("x")' == rows[1]["element"]
    assert 'Click on =cmd("x")' == rows[1]["what"]


async def test_notes_can_be_left_out(store: SqliteStore, player: Path) -> None:
    """What people wrote at a session goes along only if that is wished."""
    await visit_with_all(store)
    for form in ("json", "text", "html"):
        held = await written(store, player, form, notes=False)
        told = b"".join(offline_parts(held).values()) if form == "html" else held

        assert b"call them" not in told


async def test_without_a_player_it_is_said(store: SqliteStore, tmp_path: Path) -> None:
    """A server on which the player is not built says which command is missing."""
    await visit_with_all(store)
    with pytest.raises(NotBuilt, match="make build"):
        await written(store, tmp_path / "nowhere", "html")


@pytest.mark.parametrize(
    ("text", "ms"),
    [("0:45", 45_000), ("1:02:03", 3_723_000), ("12.5", 12_500), ("7", 7_000), ("0:01,25", 1_250)],
)
def test_times_in_a_session(text: str, ms: float) -> None:
    """Times are written as the player shows them, or in seconds."""
    assert Span(ms, None) == parse_span(text, "")


@pytest.mark.parametrize(
    ("first", "last"), [("x", ""), ("1:2:3:4", ""), ("-1", ""), ("5", "5"), ("", "0")]
)
def test_wrong_times_are_said(first: str, last: str) -> None:
    """What is no time, or leaves nothing between, is refused."""
    with pytest.raises(UserError):
        parse_span(first, last)


async def test_handed_out_by_the_page(console: Running, http: aiohttp.ClientSession) -> None:
    """The form's answer is a file to save, named after session and span; it is audited."""
    await console.sign_in(http)
    await visit_with_all(console.store)
    url = console.url + "/sessions/v/export"
    async with http.get(url) as page:
        token = form_token(await page.text())
    form = {"form_token": token, "format": "text", "from": "0:02", "until": "0:05", "notes": "1"}
    async with http.post(url, data=form) as answer:
        text = await answer.text()

    assert 'attachment; filename="stolper-v-0.02-0.05.txt"' == answer.headers["Content-Disposition"]
    assert "Note by eve: call them" in text
    assert ("owner", "exported_file", "v") in [
        (one.who, one.action, one.subject) for one in await console.store.audited(5)
    ]
    async with http.post(url, data={**form, "until": "0:01"}) as answer:
        assert 400 == answer.status
        assert 'role="alert"' in await answer.text()


async def test_handed_out_to_programs(console: Running, http: aiohttp.ClientSession) -> None:
    """A program gets the same files; what cannot be is named."""
    await visit_with_all(console.store)
    headers = {"Authorization": f"Bearer {console.tokens['read']}"}
    url = console.url + "/api/v1/sessions/v/export"
    async with http.get(url + "?format=json", headers=headers) as answer:
        told = json.loads(await answer.read())

    assert ["page", "click", "page"] == [event["type"] for event in told["events"]]
    for query in ("?format=pdf", "?format=csv&from=x"):
        async with http.get(url + query, headers=headers) as answer:
            assert "bad_parameter" == (await answer.json())["code"]


async def test_names_of_files(store: SqliteStore) -> None:
    """A name says session and span, and holds nothing that a system would take for more."""
    await visit_with_all(store)
    session = await store.session("v")
    assert session

    assert "stolper-v.html" == file_name(session, Wish("html", WHOLE, "en"))
    assert "stolper-v-1.02.03-end.rrweb.json" == file_name(
        session, Wish("rrweb", Span(3_723_000), "en")
    )
