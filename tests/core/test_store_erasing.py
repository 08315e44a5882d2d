"""Erasing in the store: rows, files and remains go, tombstones hold, others keep what is theirs."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.alerts import Alert, Firing
from core.contacts import Contact, ContactNote
from core.effort import Work
from core.erasing import KEY, Whom, listed, read_list, tombstone
from core.errors import UserError
from core.form_use import FieldUse, FormUse
from core.model import NewAsset, SessionQuery, User, Verdicts
from core.readers import Note
from core.search import Document, read
from core.sqlite import SqliteStore, assets
from core.sqlite.erasing import erase
from core.sqlite.salvage import tables
from core.sqlite.schema import connect
from core.triage import TriageChange
from tests.core.erasing import CANARY, places
from tests.core.support import NOON, SITE, ManualClock, batch, event, flag, session_of, stored

WORD = "vogel"
"""How the first word of the canary stands in the index of words: without what it shares with the one before."""


FILLED = FormUse("order", "pay", f"form-{CANARY}", (FieldUse(CANARY, f"Your {CANARY}", left=True),))


@pytest.fixture
async def kept(store: SqliteStore) -> SqliteStore:
    """A store with one session that bears the canary in every column, and one that does not."""
    chunk = gzip.compress(f'[{{"type": 3, "data": "{CANARY}"}}]'.encode())
    await stored(
        store,
        batch("other"),
        batch(
            f"session-{CANARY}",
            events=[event(0, 0.0, "custom", name=CANARY, path=f"/{CANARY}")],
            chunk=chunk,
            page={"path": "/", "title": CANARY},
            attributes={"browser": "Firefox", "release": CANARY},
            identity={"id": CANARY, "hashed": False, "verified": True},
            visitor=f"visitor-{CANARY}",
            gaps=({"kind": "buffer", "reason": CANARY},),
        ),
        batch("other", 1),
    )
    await store.commit_verdicts(
        [
            Verdicts(
                f"session-{CANARY}",
                0,
                (flag(session=f"session-{CANARY}", captures={"label": CANARY}),),
            )
        ]
    )
    await store.index(
        [
            Document("other", SITE.key, NOON, 0, (("page", "/kanu"),), "Kanu, Kanarien"),
            Document(
                f"session-{CANARY}",
                SITE.key,
                NOON,
                0,
                (("page", f"/{CANARY}"), ("release", CANARY), *FILLED.terms()),
                CANARY,
                works=(Work(CANARY, CANARY, SITE.key, 1, NOON, None, 2.0, 3, 4, False),),
                forms=(FILLED,),
            ),
        ]
    )
    await store.audit(NOON, "owner", "watched", f"session-{CANARY}")
    await store.give_code(f"session-{CANARY}", 1000)
    await store.add_note(Note(CANARY, f"session-{CANARY}", NOON, "owner", CANARY, NOON))
    await store.add_user(User("owner", "owner", ""))
    await store.mark_watched("owner", f"session-{CANARY}", NOON)
    for name in ("c", "given away"):
        called = Contact(name, "call", NOON, NOON, "", session=f"session-{CANARY}")
        await store.put_contact(called, b"")
    await store.change_contact("given away", {"session": None}, "owner", NOON)
    await _said(store)
    return store


async def _said(store: SqliteStore) -> None:
    """Say something of the struggles, and be told of them: what is kept of that has no word of a visitor."""
    for struggle in await store.struggles():
        change = TriageChange("resolved", owner="owner", due="2026-09-22", note="We look at it.")
        await store.set_triage([struggle.key], change, who="owner", at_ms=NOON)
        await store.put_alert(Alert(id="a", kind="new", name="New", to=("team",), site=SITE.key))
        await store.fire("a", Firing(NOON, {"struggles": [struggle.key]}, told=(struggle.key,)))


@pytest.mark.parametrize(
    "whom",
    [
        Whom("session", f"session-{CANARY}"),
        Whom("visitor", f"visitor-{CANARY}"),
        Whom("customer", CANARY),
        Whom("customer", CANARY, SITE.key),
    ],
    ids=lambda whom: f"{whom.kind}{' of a site' if whom.site else ''}",
)
async def test_nothing_of_the_erased_is_left(kept: SqliteStore, tmp_path: Path, whom: Whom) -> None:
    """The word is found in segment, database and log before, and nowhere after; the other session is whole."""
    before = places(tmp_path)
    words = places(tmp_path, WORD)

    assert any("segments/" in place for place in before)
    assert any("stolper.db" in place for place in before)
    for column in ("form", "fields"):
        assert any(f"form_uses.{column}" in place for place in before), before
    assert any("search_text_data" in place for place in words)
    done = await kept.erase(whom)

    assert 1 == done.sessions
    assert [] == places(tmp_path)
    assert [] == places(tmp_path, WORD)
    assert ["other"] == [s.id for s in await kept.sessions(SessionQuery(find=read("kanarien")))]
    assert None is await kept.session(f"session-{CANARY}")
    assert 2 == len(await kept.batches("other"))
    assert b"chunk of other/load-1/1" == await kept.read_chunk((await kept.chunks("other"))[1])


def spoken(customer: str | None) -> tuple[Contact, ContactNote]:
    """Return a contact and a note of it that bear the canary in every field."""
    made = Contact(
        CANARY, "call", NOON, NOON, CANARY, customer=customer, subject=CANARY, outcome=CANARY,
        agent=CANARY, source=CANARY, key=CANARY,
    )  # fmt: skip
    return made, ContactNote(f"note-{CANARY}", CANARY, "promise", CANARY, CANARY, NOON)


@pytest.mark.parametrize(
    ("whom", "customer"),
    [
        (Whom("customer", CANARY), CANARY),
        (Whom("customer", CANARY, SITE.key), CANARY),
        (Whom("contact", CANARY), None),
    ],
    ids=["customer", "customer of a site", "contact of nobody"],
)
async def test_contacts_go_with_notes_and_what_was_changed(
    store: SqliteStore, tmp_path: Path, whom: Whom, customer: str | None
) -> None:
    """
    The word stands in contact, notes and changes before, and nowhere afterwards.

    Others' contacts stay, also one that somebody had taken for theirs: its change says that, and not whose it was.
    """
    contact, note = spoken(customer)
    await store.put_contact(contact, b"", [note])
    await store.change_contact(CANARY, {"subject": f"now {CANARY}"}, CANARY, NOON)
    await store.change_contact_note(note.id, {"text": f"now {CANARY}"}, CANARY, NOON)
    await store.audit(NOON, "owner", "contact", CANARY)
    await store.put_contact(Contact("other", "mail", NOON, NOON, "", customer=customer), b"")
    await store.change_contact("other", {"customer": "K-2"}, "owner", NOON)
    tables_before = places(tmp_path)

    for name in ("contacts", "contact_notes", "contact_changes"):
        assert any(f"{name}." in place for place in tables_before), tables_before
    await store.erase(whom)

    assert [] == places(tmp_path)
    assert await store.contact("other")
    [change] = await store.contact_changes("other")
    assert "K-2" == change.after
    assert change.before is None if customer is None else change.before.startswith("customer #")


NOT_KEPT = {"asset_uses", "sealed", "search_due"}
"""Tables by session of which the session with the canary has no row: others below see to them."""


async def test_the_canary_is_in_every_table(kept: SqliteStore, tmp_path: Path) -> None:
    """Whatever new table is kept by session, the tests of erasing have a row of it."""
    with closing(connect(tmp_path / "data" / "stolper.db", read_only=True)) as db:
        by_session = {
            table
            for table in tables(db)
            if "session" in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        }
        without = {
            table
            for table in by_session
            if not db.execute(
                f"SELECT 1 FROM {table} WHERE session = ?", (f"session-{CANARY}",)
            ).fetchone()
        }

    assert {"notes", "watched", "codes", "searched"} < by_session
    assert NOT_KEPT >= without


async def test_what_was_erased_stays_so(kept: SqliteStore, clock: ManualClock) -> None:
    """Batches of the session are refused for good; so is a new session that began before. Later ones are new."""
    clock.advance(60_000)
    await kept.erase(Whom("customer", CANARY))
    who = {"id": CANARY, "hashed": False, "verified": True}

    async def sent(name: str, seq: int, origin_ms: float, **changes: object) -> str:
        one = batch(name, seq, origin_ms=origin_ms, events=[event(seq, 0.0)], **changes)  # type: ignore[arg-type] -- fields of a batch
        return (await kept.append(one)).status

    assert "erased" == await sent(f"session-{CANARY}", 0, NOON + 90_000)
    assert "erased" == await sent(f"session-{CANARY}", 7, NOON + 90_000)
    assert "erased" == await sent("sent-late", 0, NOON + 59_000, identity=who)
    assert "stored" == await sent("came-back", 0, NOON + 61_000, identity=who)
    assert "stored" == await sent("another", 0, NOON, identity={**who, "id": "someone"})


async def test_an_erasure_that_was_cut_off_is_finished(
    kept: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill between rows and files the next process overwrites what is left."""

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("core.sqlite.removal.wipe", killed)
        with pytest.raises(KeyboardInterrupt):
            await kept.erase(Whom("customer", CANARY))

    assert any("segments/" in place for place in places(tmp_path))
    again = SqliteStore(tmp_path / "data", ManualClock())
    await again.open()
    done, _ = await again.finish_erasing()

    assert done > 0
    assert (0, 0) == await again.finish_erasing()
    await again.close()

    assert [] == places(tmp_path)


async def test_assets_of_nobody_else_go(store: SqliteStore, tmp_path: Path) -> None:
    """A picture that only the erased session needs is overwritten; one that others need stays."""
    names = [
        await store.put_asset(NewAsset(SITE.key, "image", "image/svg+xml", content, NOON, 10**6))
        for content in (f"<svg>{CANARY}</svg>".encode(), b"<svg>shared</svg>")
    ]
    own, shared = (name for name in names if name is not None)
    await stored(
        store, batch("session-a", assets=(own, shared)), batch("session-b", assets=(shared,))
    )
    done = await store.erase(Whom("session", "session-a"))

    assert 1 == done.assets
    assert None is await store.asset(SITE.key, own)
    assert None is not await store.asset(SITE.key, shared)
    assert [] == places(tmp_path)


async def test_an_asset_that_came_again_stays(store: SqliteStore, tmp_path: Path) -> None:
    """Between the rows of an erased visitor and the overwriting another page sends the same: it is kept."""
    svg = NewAsset(SITE.key, "image", "image/svg+xml", b"<svg>logo</svg>", NOON, 10**6)
    name = await store.put_asset(svg)
    assert name is not None
    await stored(store, batch("session-a", assets=(name,)))
    whom = Whom("session", "session-a")
    await store._writer.submit(lambda db, _: erase(db, whom, NOON))  # and the process is killed
    assert name == await store.put_asset(svg)
    await store.finish_erasing()
    kept = await store.asset(SITE.key, name)
    assert kept is not None

    assert svg.content == kept.content


async def test_an_asset_whose_file_goes_before_its_row_is_written_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure that takes the file between its writing and its row costs nobody the asset."""
    svg = NewAsset(SITE.key, "image", "image/svg+xml", b"<svg>logo</svg>", NOON, 10**6)
    insert = assets.insert

    def inserted(db: sqlite3.Connection, new: NewAsset, name: str) -> bool:
        assert store._blobs.unname(new.site, name) is not None
        return insert(db, new, name)

    with monkeypatch.context() as patched:
        patched.setattr("core.sqlite.assets.insert", inserted)
        name = await store.put_asset(svg)
    assert name is not None
    kept = await store.asset(SITE.key, name)
    assert kept is not None

    assert svg.content == kept.content


async def test_a_kept_style_sheet_belongs_to_whose_page_had_it(store: SqliteStore) -> None:
    """A sheet that was found in a recording is erased with it, also before the recording is sealed."""
    await stored(store, batch())
    sheet = NewAsset(SITE.key, "sheet", "text/css", b"x" * 2000, NOON, 10**6, session="session-a")
    name = await store.put_asset(sheet)

    assert 1 == (await store.erase(Whom("session", "session-a"))).assets
    assert set() == await store.stored_assets(SITE.key, [str(name)])


async def test_what_a_failed_write_left_goes_too(store: SqliteStore, tmp_path: Path) -> None:
    """Bytes of a segment that no row names are overwritten with the next erasure; what is named stays."""
    await stored(store, batch())
    segment = next((tmp_path / "data" / "segments").iterdir())
    with segment.open("ab") as file:
        file.write(f"torn {CANARY}".encode())
    await stored(store, batch("session-b"))
    await store.erase(Whom("session", "nobody"))

    assert [] == places(tmp_path)
    for name in ("session-a", "session-b"):
        ref = (await store.chunks(name))[0]

        assert f"chunk of {name}/load-1/0".encode() == await store.read_chunk(ref)


async def test_the_audit_keeps_a_hash(kept: SqliteStore, tmp_path: Path) -> None:
    """Who watched an erased session is still told, of whom is not: a keyed hash stands there."""
    await kept.erase(Whom("customer", CANARY))
    key, stones = await kept.tombstones()
    expected = tombstone(key, "session", f"session-{CANARY}").hex()
    with closing(sqlite3.connect(tmp_path / "data" / "stolper.db")) as db:
        subjects = [
            row[0] for row in db.execute("SELECT subject FROM audit WHERE action = 'watched'")
        ]

    assert [f"session #{expected}"] == subjects
    assert {"customer", "session"} == {one.kind for one in stones}
    assert key == await kept.server_key(KEY)
    assert (key, stones) == read_list(listed(key, stones))
    with pytest.raises(UserError, match="no list"):
        read_list({"format": 1})


async def test_by_age_the_oldest_go(store: SqliteStore, clock: ManualClock) -> None:
    """Ended sessions of the site that are older than asked go, some at a time; running ones stay."""
    for name in ("old", "older", "young", "running"):
        await stored(store, batch(name))
    for name, at in (("older", 1), ("old", 2), ("young", 1000)):
        clock.now = NOON + at
        await store.end_session(name, "left")

    assert 1 == (await store.expire(SITE.key, NOON + 500, 1)).sessions
    assert None is await store.session("older")
    assert 1 == (await store.expire(SITE.key, NOON + 500, 9)).sessions
    assert 0 == (await store.expire("another", NOON + 9999, 9)).sessions
    assert ["running", "young"] == sorted(
        [(await session_of(store, n)).id for n in ("young", "running")]
    )


async def test_what_a_repair_laid_aside_goes(store: SqliteStore, tmp_path: Path) -> None:
    """A copy of a damaged file holds whomever; one that is still in use as well is only unlinked."""
    await stored(store, batch())
    aside = tmp_path / "data" / "damaged" / "20270115T080000Z"
    aside.mkdir(parents=True)
    (aside / "stolper.db").write_text(f"rows of {CANARY}")
    (aside / "segment").hardlink_to(next((tmp_path / "data" / "segments").iterdir()))
    await store.erase(Whom("session", "nobody"))

    assert [] == places(tmp_path)
    assert [] == [path for path in aside.rglob("*") if path.is_file()]
    assert b"chunk of session-a/load-1/0" == await store.read_chunk(
        (await store.chunks("session-a"))[0]
    )
