"""A damaged data folder: what is damaged is found and named, what can be is mended, the rest stays."""

from __future__ import annotations

import gzip
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.errors import StoreError, UserError
from core.model import NewAsset, Verdicts
from core.sealed import STOCK, SealedFrame
from core.sqlite import SqliteStore
from core.sqlite.inspection import inspect
from core.sqlite.repair import ASIDE, Repair
from core.wire import GZIP
from tests.core.support import NOON, SITE, ManualClock, batch, flag, stored
from tests.core.test_sqlite_faults import RecordingDisk
from tests.core.test_store_sealing import HOUR_MS, made, text

SESSIONS = [f"session-{n:02}" for n in range(40)]
SEALED = SESSIONS[:6]
ON_STOCK = SESSIONS[:3]
SEQS = range(4)
SHEET = b"a{color:red}"
PAGE = 4096

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with sealed and running sessions, flags, a stock and a style sheet."""
    data = tmp_path_factory.mktemp("whole") / "data"
    clock = ManualClock()
    store = SqliteStore(data, clock)
    await store.open()
    await store.add_site(SITE)
    for session in SEALED:
        await visit(store, session)
    clock.advance(HOUR_MS)  # the others' segment is another
    for session in SESSIONS[len(SEALED) :]:
        await visit(store, session)
        await store.commit_verdicts([Verdicts(session, 1, (flag(f"flag of {session}", session),))])
    await store.put_asset(NewAsset(SITE.key, "sheet", "text/css", SHEET, NOON, 10_000))
    stock = await store.put_stock(SITE.key, text(0, SESSIONS[0]) * 3)
    for session in SEALED:
        await store.end_session(session, "left")
        sealed = await made(store, session)
        if session in ON_STOCK:
            frames = tuple(_on_stock(frame) for frame in sealed.frames)
            sealed = replace(sealed, frames=frames, stock=stock)
        assert await store.seal(sealed)
    clock.advance(3 * HOUR_MS)
    assert 1 == await store.release()
    await store.close()
    return data


async def visit(store: SqliteStore, session: str) -> None:
    """Store a session of one page load."""
    for seq in SEQS:
        content = gzip.compress(text(seq, session))
        await stored(store, batch(session, seq, page_load=f"load of {session}", chunk=content))


def _on_stock(frame: SealedFrame) -> SealedFrame:
    return frame if frame.base is not None else replace(frame, base=STOCK)


@dataclass
class Seen:
    """What a store gives of the sessions: chunks and events that are right, and what it says is missing."""

    chunks: set[tuple[str, int]]
    events: set[tuple[str, int]]
    named: set[tuple[str, int]]


async def seen(data: Path) -> Seen:
    """Open *data* and read everything as the console would."""
    store = SqliteStore(data, ManualClock(NOON + 9 * HOUR_MS))
    await store.open()
    found = Seen(set(), set(), set())
    for session in SESSIONS:
        for one in await store.batches(session):
            if one.events and one.events[0]["i"] == one.seq:
                found.events.add((session, one.seq))
        for ref in await store.chunks(session):
            try:
                raw = await store.read_chunk(ref)
            except StoreError:
                continue
            content = gzip.decompress(raw) if ref.info.encoding == GZIP else raw
            if content == text(ref.seq, session):
                found.chunks.add((session, ref.seq))
        for gap in await store.gaps(session):
            if gap.kind in ("missing_batch", "corrupt_chunk"):
                first, last = gap.detail["from_seq"], gap.detail["to_seq"]
                found.named |= {(session, seq) for seq in range(first, last + 1)}
    await store.close()
    return found


ALL = {(session, seq) for session in SESSIONS for seq in SEQS}


def copy(whole: Path, target: Path) -> Path:
    """Return a copy of *whole* to be damaged."""
    shutil.copytree(whole, target)
    return target


def spoil(path: Path, at: int | None = None) -> None:
    """Change one byte of the file at *path*, by default in its middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 0x55
    path.write_bytes(content)


def spoil_page(data: Path, number: int, rnd: random.Random) -> None:
    """Put nonsense in the place of a page of the database."""
    with (data / "stolper.db").open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(rnd.choice([bytes(PAGE), rnd.randbytes(PAGE), b"\xff" * PAGE]))


async def test_a_whole_folder_has_nothing_to_mend(whole: Path, tmp_path: Path) -> None:
    """Nothing is found, nothing is changed, nothing is laid aside."""
    data = copy(whole, tmp_path / "d")
    before = (data / "stolper.db").read_bytes()
    repair = Repair(data, NOON)
    found = repair.run()

    assert (False, [], []) == (found.damaged, repair.done, repair.lost)
    assert before == (data / "stolper.db").read_bytes()
    assert not (data / ASIDE).exists()
    assert Seen(ALL, ALL, set()) == await seen(data)


@pytest.mark.parametrize("share", [16, pytest.param(1, marks=pytest.mark.long)])
async def test_any_page_of_the_database_may_be_damaged(
    whole: Path, tmp_path: Path, share: int
) -> None:
    """
    Nonsense in the place of one page: it is found; after the repair the database is whole.

    Every batch is there or named as missing, the old database is kept, and new batches are taken. Only
    without the pages that list its tables there is no database: see the next test.
    """
    pages = (whole / "stolper.db").stat().st_size // PAGE
    rnd = random.Random(seed := random.randrange(1 << 30))
    unused = unused_pages(whole) | schema_pages(whole)
    chosen = [n for n in range(2, pages + 1) if n not in unused]
    chosen = sorted(rnd.sample(chosen, len(chosen) // share))
    lost_events = 0
    for number in chosen:
        data = copy(whole, tmp_path / f"page-{number}")
        spoil_page(data, number, rnd)
        assert inspect(data).database, (seed, number)
        repair = Repair(data, NOON)
        after = repair.run()
        found = await seen(data)

        assert not after.damaged, (seed, number, after)
        assert repair.done, (seed, number)
        missing = ALL - found.events
        lost_events += len(missing)
        assert missing <= found.named or repair.lost, (seed, number, missing - found.named)
        assert ALL - found.chunks <= found.named | missing, (seed, number)
        # A page that leads to others takes all that lies below it with it; that of the page loads,
        # which has all of so few, takes what tells whose the batches are.
        much = leads(whole, number) or number == _root_of(whole, "page_loads")
        assert len(missing) < len(ALL) / 2 or much, (seed, number)
        await takes_more(data)
        shutil.rmtree(data)
    print(
        f"\nseed {seed}: {len(chosen)} pages, {lost_events} of {len(ALL) * len(chosen)} batches lost"
    )


def leads(data: Path, number: int) -> bool:
    """Say whether a page of the database leads to other pages."""
    return (data / "stolper.db").read_bytes()[(number - 1) * PAGE] in (2, 5)


def unused_pages(data: Path) -> set[int]:
    """Return the pages that hold nothing: damage there harms nobody."""
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        trunk = int.from_bytes((data / "stolper.db").read_bytes()[32:36])
        count = db.execute("PRAGMA freelist_count").fetchone()[0]
    return {trunk} if count else set()


async def takes_more(data: Path) -> None:
    """A batch that comes after the repair gets a position of its own, and is judged."""
    store = SqliteStore(data, ManualClock(NOON + 9 * HOUR_MS))
    await store.open()
    if await store.site(SITE.key) is None:
        await store.add_site(SITE)
    last = max(await store.checkpoint(), len(ALL))
    answer = await store.append(batch("session-new"))
    await store.close()

    assert answer.status == "stored"
    assert answer.batch is not None
    assert answer.batch.position > last


async def test_without_its_list_of_tables_nothing_is_changed(whole: Path, tmp_path: Path) -> None:
    """What cannot be repaired is said, with what to do; the folder stays as it was."""
    for number in {1, *schema_pages(whole)}:
        data = copy(whole, tmp_path / f"d{number}")
        spoil_page(data, number, random.Random(2))
        before = {path: path.read_bytes() for path in data.rglob("*") if path.suffix == ".db"}
        with pytest.raises(UserError, match="restore the last backup"):
            Repair(data, NOON).run()

        assert before == {path: path.read_bytes() for path in before}
        assert not (data / ASIDE).exists()


def schema_pages(data: Path) -> set[int]:
    """Return the pages below the first one: with it they list the tables."""
    page = (data / "stolper.db").read_bytes()[:PAGE]
    if page[100] != 5:
        return set()
    cells = int.from_bytes(page[103:105])
    places = [int.from_bytes(page[112 + 2 * n :][:2]) for n in range(cells)]
    return {int.from_bytes(page[108:112]), *(int.from_bytes(page[at:][:4]) for at in places)}


async def test_the_first_rows_take_no_others_with_them(whole: Path, tmp_path: Path) -> None:
    """Before the first page of a table there is nothing to read from; what is behind it is found."""
    data = copy(whole, tmp_path / "d")
    spoil_page(data, _page_of(whole, "batches"), random.Random(5))

    assert not Repair(data, NOON).run().damaged
    found = await seen(data)
    missing = ALL - found.events
    assert 0 < len(missing) < len(ALL) / 2
    assert missing <= found.named


async def test_without_the_list_of_migrations_all_is_kept(whole: Path, tmp_path: Path) -> None:
    """Which version made the data its tables tell then: this one's are repaired, another's refused."""
    data = copy(whole, tmp_path / "d")
    spoil_page(data, _root_of(data, "_sqlite_migrations"), random.Random(4))
    other = copy(data, tmp_path / "other")
    with closing(sqlite3.connect(other / "stolper.db")) as db:
        db.execute("DROP INDEX batches_by_page_load")
    repair = Repair(data, NOON)

    assert not repair.run().damaged
    assert [] == repair.lost
    assert Seen(ALL, ALL, set()) == await seen(data)
    with pytest.raises(UserError, match="of another version"):
        Repair(other, NOON).run()
    assert not (other / ASIDE).exists()


async def test_an_index_is_made_anew(whole: Path, tmp_path: Path) -> None:
    """An index that disagrees with its table costs nothing: no row goes, nothing is laid aside."""
    data = copy(whole, tmp_path / "d")
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '(page_load, seq)', '(page_load, seq) WHERE 0')"
            " WHERE name = 'batches_by_page_load'"
        )
        db.commit()
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        db.execute("REINDEX batches_by_page_load")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ' WHERE 0', '') WHERE name = 'batches_by_page_load'"
        )
        db.commit()
    found = inspect(data)
    repair = Repair(data, NOON)

    assert (True, True) == (bool(found.database), found.indexes_only)
    assert not repair.run().damaged
    assert [] == repair.lost
    assert not (data / ASIDE).exists()
    assert Seen(ALL, ALL, set()) == await seen(data)


def _one(data: Path, pattern: str) -> Path:
    return sorted(data.glob(pattern))[0]


def _object_of(data: Path, session: str) -> Path:
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        row = db.execute("SELECT name FROM sealed WHERE session = ?", (session,)).fetchone()
    return data / "sealed" / str(row[0])


def _drop_row_of_object(data: Path) -> None:
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        db.execute("DELETE FROM sealed WHERE session = ?", (SEALED[0],))
        db.commit()


def _drop_session(data: Path) -> None:
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        db.execute("DELETE FROM sessions WHERE id = ?", (SESSIONS[-1],))
        db.commit()


def _both_stocks(data: Path) -> None:
    spoil(_one(data, "stocks/*/*"))
    spoil(_one(data, "stocks.copy/*/*"))


def _segment_gone(data: Path) -> None:
    _one(data, "segments/*.seg").unlink()


LAST = (SESSIONS[-1], max(SEQS))
RUNNING = {(session, seq) for session in SESSIONS[len(SEALED) :] for seq in SEQS}
OF_FIRST = {(SEALED[-1], seq) for seq in SEQS}

DAMAGES: dict[str, tuple[Callable[[Path], None], set[tuple[str, int]]]] = {
    "a byte of a segment": (lambda d: spoil(_one(d, "segments/*.seg"), -3), {LAST}),
    "a segment is gone": (_segment_gone, RUNNING),
    "the end of a segment": (
        lambda d: _one(d, "segments/*.seg").write_bytes(_one(d, "segments/*.seg").read_bytes()[:-9]),
        {LAST},
    ),
    "the head of an object": (lambda d: spoil(_object_of(d, SEALED[-1]), 20), OF_FIRST),
    "an object is gone": (lambda d: _object_of(d, SEALED[-1]).unlink(), OF_FIRST),
    "a stock": (lambda d: spoil(_one(d, "stocks/*/*")), set()),
    "the copy of a stock": (lambda d: _one(d, "stocks.copy/*/*").unlink(), set()),
    "both copies of a stock": (
        _both_stocks, {(session, seq) for session in ON_STOCK for seq in SEQS},
    ),
    "a style sheet": (lambda d: spoil(_one(d, "blobs/*/*")), set()),
    "the row of an object": (_drop_row_of_object, set()),
    "the row of a session": (_drop_session, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
async def test_what_is_damaged_is_named_and_the_rest_is_served(
    whole: Path, tmp_path: Path, name: str
) -> None:
    """
    Found before, mended once, whole after: all but what had one source only is there to the byte.

    What is lost is a gap of its session. Of the damaged files none is deleted.
    """
    damage, lost = DAMAGES[name]
    data = copy(whole, tmp_path / "d")
    damage(data)
    left = {
        path.relative_to(data): path.stat().st_size for path in data.rglob("*") if path.is_file()
    }
    before = inspect(data)
    repair = Repair(data, NOON)
    after = repair.run()
    found = await seen(data)
    print(f"\n{name}: {before.paths()}\n  done {repair.done}\n  lost {repair.lost}")

    assert before.damaged
    assert before.paths()
    assert not after.damaged
    assert (ALL - lost, ALL) == (found.chunks, found.events)
    assert lost == found.named
    assert bool(lost) == any("named gap" in one for one in repair.lost)
    for path in left:
        kept = [data / path, *data.glob(f"{ASIDE}/*/{path}")]
        assert any(one.exists() for one in kept) or path.suffix in (".db-wal", ".db-shm"), path
    again = Repair(data, NOON + 5000)
    assert (False, []) == (again.run().damaged, again.done)


async def test_of_an_object_is_kept_what_can_be_read(whole: Path, tmp_path: Path) -> None:
    """A byte anywhere in an object: chunks that do not rest on it stay, the others are named."""
    size = _object_of(whole, SEALED[-1]).stat().st_size
    kept = 0
    for number, at in enumerate(range(0, size, max(1, size // 12))):
        data = copy(whole, tmp_path / f"d{number}")
        spoil(_object_of(data, SEALED[-1]), at)
        repair = Repair(data, NOON)

        assert not repair.run().damaged
        found = await seen(data)
        missing = ALL - found.chunks
        assert missing == found.named
        assert missing <= OF_FIRST
        kept += len(OF_FIRST) - len(missing)
    assert kept > 0


async def test_a_session_is_sealed_again_from_its_segment(tmp_path: Path) -> None:
    """While the segment is there a damaged object costs nothing."""
    store = SqliteStore(tmp_path / "d", ManualClock())
    await store.open()
    await store.add_site(SITE)
    await visit(store, SEALED[0])
    await store.end_session(SEALED[0], "left")
    assert await store.seal(await made(store, SEALED[0]))
    await store.close()
    spoil(_object_of(tmp_path / "d", SEALED[0]), 20)
    repair = Repair(tmp_path / "d", NOON)

    assert not repair.run().damaged
    assert [] == repair.lost
    found = await seen(tmp_path / "d")
    assert ({(SEALED[0], seq) for seq in SEQS}, set()) == (found.chunks, found.named)


@pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.long)])
async def test_a_repair_may_be_killed_at_any_step(whole: Path, tmp_path: Path, stride: int) -> None:
    """Failed before or after any durable step it can be begun again, and comes to the same."""

    def damaged(target: Path) -> Path:
        data = copy(whole, target)
        spoil_page(data, number, random.Random(3))
        spoil(_one(data, "stocks/*/*"))
        spoil(_object_of(data, SEALED[-1]), 20)
        return data

    number = _page_of(whole, "batches")
    data = damaged(tmp_path / "count")
    disk = RecordingDisk()
    Repair(data, NOON, disk).run()
    expected = await seen(data)
    steps = len(disk.steps)
    assert steps > 10
    for n in range(random.randrange(stride), steps, stride):
        for when in ("before", "after"):
            data = damaged(tmp_path / f"{when}-{n}")
            disk = RecordingDisk()

            def fail(step: int, _: str, n: int = n) -> None:
                if step == n:
                    raise OSError(5, "broken")

            setattr(disk, when, fail)
            with pytest.raises(OSError, match="broken"):
                Repair(data, NOON, disk).run()
            assert (data / "stolper.db").is_file()
            again = Repair(data, NOON + 5000)

            assert not again.run().damaged
            assert expected == await seen(data), (when, n)
            shutil.rmtree(data)


def _root_of(data: Path, table: str) -> int:
    """Return the first page of *table*."""
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(db.execute(query, (table,)).fetchone()[0])


def _page_of(data: Path, table: str) -> int:
    """Return a page of *table* that holds rows."""
    root = _root_of(data, table)
    content = (data / "stolper.db").read_bytes()
    page = content[(root - 1) * PAGE : root * PAGE]
    assert page[0] == 5  # has pages below
    return int.from_bytes(page[int.from_bytes(page[12:14]) :][:4])
