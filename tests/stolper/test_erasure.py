"""
Proof of erasure: a word planted in every place that can hold something of a visitor is found everywhere
before, and nowhere after; nobody else loses anything; and it stays erased.
"""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.contacts import Contact, ContactNote
from core.model import NewAsset, asset_hash
from core.readers import Note
from core.saved import SavedSegment
from core.settings import Settings, load_settings
from core.sqlite import SqliteStore
from core.sqlite.backup import take_backup
from core.sqlite.schema import connect as _connect
from replay.recording import recordings
from stolper.app import Server
from stolper.cli import main
from stolper.indexer import Indexer
from stolper.sealer import AFTER_MS, BackgroundSealer
from tests.console.support import START, Clock, Visit, element, rrweb_page, shop, text_node
from tests.core.erasing import CANARY, places

WHO = {"id": CANARY, "hashed": False, "verified": True}
SHEET = f".{CANARY.lower()} {{ color: red }} /* {CANARY} {'x' * 1500} */"
"""A style text that is long enough to be kept apart."""

WORD = "anarienvogel"
"""How the canary's first word stands in the index of words, which knows small letters alone."""

PLANTED = {
    "segment": "segments/",
    "sealed": "sealed/",
    "stock": "stocks/",
    "copy of the stock": "stocks.copy/",
    "style sheet": "blobs/",
    "events": "batches.events",
    "documents": "page_loads.page",
    "gaps": "gaps.detail",
    "flags": "flags.data",
    "identity": "sessions.identity",
    "attributes": "sessions.attributes",
    "paths": "sessions.entry_path",
    "notes": "notes.text",
    "customers": "customers.id",
    "contacts": "contacts.subject",
    "notes of contacts": "contact_notes.text",
    "changes of contacts": "contact_changes.after",
    "saved searches": "saved_segments.query",
    "index": "searched.text",
    "values in the index": "search_terms.value",
    "presses on maps": "sights.pressed",
    "audit": "audit.subject",
    "database": "stolper.db",
}
"""Where the word must be found before: part of the place's name."""


def page(words: str, *, own: bool) -> list[dict[str, Any]]:
    """Return the events of a page that everybody sees, with some *words*; *own*: with a style sheet of its own."""
    parts = [
        element(100 + 2 * n, "p", [text_node(101 + 2 * n, f"Paragraph {n} of the shop {n * n}")])
        for n in range(200)
    ]
    parts.append(element(6, "h1", [text_node(7, f"Welcome back, {words}, to the shop")]))
    made = rrweb_page(children=parts)
    if own:
        style = {**text_node(9001, SHEET), "isStyle": True}
        made[1]["data"]["node"]["childNodes"][1]["childNodes"][0]["childNodes"].append(
            element(9000, "style", [style], {"_cssText": SHEET})
        )
    return made


@dataclass
class Kept:
    """A data folder with the canary in all places, and what the others' recordings are."""

    data: Path
    backup: Path
    clock: Clock
    others: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


async def recording(store: SqliteStore, session: str) -> list[dict[str, Any]]:
    return [load.as_dict() async for load in recordings(store, session)]


async def plant(store: SqliteStore, session: str, *, own: bool) -> Visit:
    """Record a visit of the one who bears the canary, in everything that a page sends."""
    visit = Visit(
        store,
        session,
        identity=WHO,
        attributes={"browser": "Firefox", "campaign": CANARY},
        page={"title": CANARY},
    )
    events = [
        {"t": 1, "type": "page", "path": f"/{CANARY}", "title": CANARY},
        {"t": 2, "type": "click", "target": {"key": CANARY, "label": CANARY}, "trusted": True},
        {"t": 3, "type": "custom", "name": CANARY, "props": {"word": CANARY}},
        {"t": 4, "type": "error", "message": CANARY},
    ]
    gaps = ({"kind": "buffer", "reason": CANARY},)
    await visit.send(events, recording=page(CANARY, own=own), gaps=gaps)
    await visit.flag(label=CANARY, page=f"/{CANARY}")
    return visit


async def speak(store: SqliteStore) -> None:
    """Note a contact of the one who bears the canary, in all that may be written of it, and one of another."""
    made = Contact(
        "contact-1", "call", START, START, "owner", customer=CANARY, session="mine-1",
        subject=CANARY, outcome=CANARY, agent=CANARY, source="crm", key=CANARY,
    )  # fmt: skip
    note = ContactNote("note-1", made.id, "promise", f"promised {CANARY}", "owner", START)
    await store.put_contact(made, b"", [note])
    await store.change_contact(made.id, {"subject": f"of {CANARY}"}, "owner", START)
    await store.put_contact(
        Contact("contact-2", "mail", START, START, "owner", customer=CANARY), b""
    )
    await store.change_contact("contact-2", {"customer": "K-2"}, "owner", START)


async def seal_all(
    store: SqliteStore, clock: Clock, sealer: BackgroundSealer, *sessions: str
) -> None:
    for session in sessions:
        await store.end_session(session, "left")
    clock.now += AFTER_MS + 1
    while await sealer.sweep():
        pass


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """Sealed visits of one customer (whose name got into the stock) and of others; one late, one running."""
    clock = Clock()
    made = Kept(tmp_path / "data", tmp_path / "backup", clock)
    store = SqliteStore(made.data, clock)
    await store.open()
    await store.add_site(shop())
    sealer = BackgroundSealer(store, clock)
    quiet = NewAsset("sshop", "sheet", "text/css", SHEET.encode(), START, 10**8, "mine-1")
    mine = [await plant(store, f"mine-{n}", own=n == 1) for n in range(1, 4)]
    assert asset_hash(SHEET.encode()) == await store.put_asset(quiet)
    for n in range(4):
        await Visit(store, f"other-{n}").send(
            [{"t": 1, "type": "page"}], recording=page(f"No {n}", own=False)
        )
    await seal_all(store, clock, sealer, *(one.id for one in mine))
    await seal_all(store, clock, sealer, *(f"other-{n}" for n in range(4)))
    # What is sealed from now on rests on the stock.
    await plant(store, "mine-5", own=False)
    await Visit(store, "other-9").send(
        [{"t": 1, "type": "page"}], recording=page("last", own=False)
    )
    await seal_all(store, clock, sealer, "mine-5", "other-9")
    await mine[0].send([{"t": 900, "type": "click"}], recording=page(CANARY, own=False))  # late
    await plant(store, "mine-4", own=False)  # runs
    await Visit(store, "open").send([{"t": 1, "type": "page"}], recording=page("open", own=False))
    await store.add_note(Note("n1", "mine-1", START + 5, "owner", f"called: {CANARY}", START))
    await speak(store)
    await store.audit(START, "owner", "watched", "mine-1")
    await store.audit(START, "owner", "looked for", CANARY)
    await store.save_segment(SavedSegment(0, "That one", "owner", True, f"q={CANARY}", START))
    while await Indexer(store, clock).sweep():
        pass
    for name in (*(f"other-{n}" for n in range(4)), "other-9", "open"):
        made.others[name] = await recording(store, name)
    take_backup(made.data, made.backup, texts=(), facts={})
    yield made
    await store.close()


def stolper(*words: str) -> Result:
    """Run a command as in a shell."""
    return CliRunner().invoke(main, list(words))


async def command(*words: str) -> str:
    result = await asyncio.to_thread(stolper, *words)
    assert 0 == result.exit_code, result.output
    return result.output


async def whole(data: Path, kept: Kept) -> None:
    """Make sure that the others' recordings are in *data* as they were."""
    store = SqliteStore(data, kept.clock)
    await store.open()
    try:
        for name, expected in kept.others.items():
            assert expected == await recording(store, name), name
    finally:
        await store.close()


def found(data: Path) -> dict[str, int]:
    """Return how many places of each kind hold the canary."""
    there = places(data)
    return {kind: sum(part in place for place in there) for kind, part in PLANTED.items()}


async def test_everything_of_a_customer_goes_and_stays_away(kept: Kept, tmp_path: Path) -> None:
    """The word is in every place before, in none after, and not in a backup that is restored; others are whole."""
    before, in_backup = found(kept.data), found(kept.backup)

    assert [] == [kind for kind, count in before.items() if not count]
    assert any("search_text_data" in place for place in places(kept.data, WORD))
    told = await command("erase", "--customer", CANARY, "--yes", "--data", str(kept.data))

    assert "5 sessions of this customer are stored" in told
    after = found(kept.data)

    assert [] == places(kept.data)
    await whole(kept.data, kept)
    restored = tmp_path / "restored"
    list_ = tmp_path / "erased.json"
    list_.write_text(await command("erase", "--list", "--data", str(kept.data)))
    told = await command(
        "restore", str(kept.backup), "--erased", str(list_), "--data", str(restored)
    )

    assert "5 sessions that were erased since are erased again" in told
    assert [] == places(restored)
    assert [] == [*places(kept.data, WORD), *places(restored, WORD)]
    assert CANARY not in list_.read_text()
    await whole(restored, kept)
    careless = tmp_path / "careless"
    await command("restore", str(kept.backup), "--data", str(careless))

    assert [] == [kind for kind, count in found(careless).items() if not count]
    again = found(restored)
    print(f"\n{'place':20} {'before':>6} {'after':>6} {'backup':>6} {'restored with --erased':>22}")
    for kind in PLANTED:
        print(f"{kind:20} {before[kind]:6} {after[kind]:6} {in_backup[kind]:6} {again[kind]:22}")


async def test_the_running_server_erases(kept: Kept) -> None:
    """Through the server: its memory too, batches that come again are refused, and what is new is taken."""
    settings: Settings = load_settings(
        kept.data, overrides={"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
    )
    async with Server(settings, kept.data, clock=kept.clock) as server:
        assert "mine-4" in server.detector._sessions
        told = await command("erase", "--customer", CANARY, "--yes", "--data", str(kept.data))

        assert "5 sessions and 1 assets are gone" in told
        assert "mine-4" not in server.detector._sessions
        with pytest.raises(AssertionError):  # it is refused
            await Visit(server.store, "mine-1").send([{"t": 5, "type": "click"}], seq=7)
        with pytest.raises(AssertionError):  # began before
            await Visit(server.store, "mine-6", identity=WHO).send([{"t": 5, "type": "click"}])
        later = kept.clock.now + 1000
        await Visit(server.store, "mine-7", identity=WHO, start=later).send(
            [{"t": 5, "type": "page"}]
        )
        await server.detector.drain()

        assert None is not await server.store.session("mine-7")
        told = await command("erase", "--session", "mine-7", "--yes", "--data", str(kept.data))

        assert "1 sessions" in told
    assert [] == places(kept.data)
    await whole(kept.data, kept)


@pytest.mark.parametrize(
    ("left_out", "where"),
    [
        ("core.sqlite.removal.wipe_free_space", "stolper.db"),
        ("core.sqlite.removal.wipe", "segments/"),
        ("stolper.erasure.Eraser._clean_stocks", "stocks/"),
    ],
)
async def test_an_erasure_that_leaves_something_out_is_caught(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, left_out: str, where: str
) -> None:
    """Without any one of its parts the search still finds the word: it can fail."""

    async def nothing_async(*_: object) -> int:
        return 0

    def nothing(*_: object, **__: object) -> int:
        return 0

    monkeypatch.setattr(left_out, nothing_async if "_clean" in left_out else nothing)
    monkeypatch.setattr("core.sqlite.schema.connect", _careless)
    monkeypatch.setattr("core.sqlite.writer.connect", _careless)
    await command("erase", "--customer", CANARY, "--yes", "--data", str(kept.data))

    assert [] != [place for place in places(kept.data) if where in place]


def _careless(path: Path, *, read_only: bool = False) -> Any:
    """Open a database as versions before did: what is deleted stays in the file."""
    db = _connect(path, read_only=read_only)
    db.execute("PRAGMA secure_delete = OFF")
    return db


async def test_the_command_hands_out_a_zip(kept: Kept, tmp_path: Path) -> None:
    """`stolper export --customer` writes all five visits; of nobody it says so and writes nothing."""
    out = tmp_path / "person.zip"
    await command("export", "--customer", CANARY, "--out", str(out), "--data", str(kept.data))
    with zipfile.ZipFile(out) as file:
        manifest = json.loads(file.read("manifest.json"))
        recorded = b"".join(file.read(name) for name in file.namelist() if "recording" in name)
        contacts = json.loads(file.read("contacts.json"))

    assert [f"mine-{n}" for n in range(1, 6)] == sorted(manifest["sessions"])
    assert [asset_hash(SHEET.encode())] == manifest["assets"]
    assert ["contact-1"] == [one["id"] for one in contacts]
    assert [f"promised {CANARY}"] == [one["text"] for one in contacts[0]["notes"]]
    assert [(CANARY, f"of {CANARY}")] == [
        (one["before"], one["after"]) for one in contacts[0]["changes"]
    ]
    assert CANARY.encode() in recorded
    other = tmp_path / "other.zip"
    await command("export", "--customer", "K-2", "--out", str(other), "--data", str(kept.data))
    with zipfile.ZipFile(other) as file:  # one that was taken for another's before
        assert b"contact-2" in file.read("contacts.json")
        assert CANARY.encode() not in file.read("contacts.json")
    missing = tmp_path / "nobody.zip"
    result = await asyncio.to_thread(
        stolper, "export", "--visitor", "nobody", "--out", str(missing), "--data", str(kept.data)
    )

    assert 1 == result.exit_code
    assert "nothing is stored" in result.output
    assert not missing.exists()
