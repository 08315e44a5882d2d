"""A backup holds together whatever is written meanwhile, and comes back as it was or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.errors import StoreFailed, UserError
from core.model import NewAsset, StoredBatch, Verdicts
from core.sqlite import SqliteStore
from core.sqlite.backup import Taken, files_named, take_backup
from core.sqlite.restore import DRAFT, MARK, OWN_SETTINGS, check_backup, restore_backup
from core.sqlite.schema import migrate
from tests.core.support import NOON, SITE, ManualClock, batch, flag, stored

WRITERS = 4


def take(data: Path, target: Path, **how: object) -> Taken:
    """Return what a backup of *data* in *target* holds."""
    return take_backup(data, target, texts=(), facts={}, **how)  # type: ignore[arg-type] -- progress


def rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    with closing(sqlite3.connect(database)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {
            name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for (name,) in tables.fetchall()
        }


def files(folder: Path) -> dict[str, bytes]:
    """Return what lies below *folder*, but for the database and what belongs to a running store."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent != folder
    }


async def filled(data: Path) -> Path:
    """Return *data* with a site, two sessions, a flag and an asset in it, closed."""
    store = SqliteStore(data, ManualClock())
    await store.open()
    await store.add_site(SITE)
    await stored(store, *(batch(f"session-{n}", seq) for n in "ab" for seq in range(3)))
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(),))])
    css = NewAsset(SITE.key, "sheet", "text/css", b"p { color: red }", 1000, NOON)
    assert await store.put_asset(css)
    await store.close()
    return data


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data folder with something of each kind in it."""
    return await filled(tmp_path / "data")


def test_what_comes_back_is_what_was(data: Path, tmp_path: Path) -> None:
    """Every row and every byte of a data folder at rest is in the restored one."""
    taken = take(data, tmp_path / "backup")
    restore_backup(tmp_path / "backup", tmp_path / "back")

    assert rows(data / "stolper.db") == rows(tmp_path / "back" / "stolper.db")
    assert files(data) == files(tmp_path / "back")
    assert (3, []) == (taken.files, taken.lost)
    assert [] == check_backup(tmp_path / "backup")


async def test_a_backup_under_load_holds_together(tmp_path: Path) -> None:
    """
    While four writers append: what was acknowledged before is in it, each of its batches has its bytes,
    and a server goes on with it.
    """
    data, clock = tmp_path / "data", SystemClock()
    store = SqliteStore(data, clock)
    await store.open()
    await store.add_site(SITE)
    acknowledged: dict[tuple[str, int], bytes] = {}
    enough, stop = asyncio.Event(), asyncio.Event()

    async def write(nth: int) -> None:
        seq = 0
        while not stop.is_set():
            chunk = hashlib.sha256(f"{nth}/{seq}".encode()).digest() * 600
            one = batch(f"session-{nth}", seq, page_load=f"load-{nth}", chunk=chunk)
            await stored(store, one)
            acknowledged[f"session-{nth}", seq] = chunk
            seq += 1
            if len(acknowledged) >= 100:
                enough.set()

    writers = [asyncio.create_task(write(nth)) for nth in range(WRITERS)]
    await enough.wait()
    before = dict(acknowledged)
    taken = await asyncio.to_thread(take, data, tmp_path / "backup")
    during = len(acknowledged) - len(before)
    stop.set()
    await asyncio.gather(*writers)
    await store.close()

    wrong = check_backup(tmp_path / "backup")
    restore_backup(tmp_path / "backup", tmp_path / "back")
    back = SqliteStore(tmp_path / "back", clock)
    await back.open()
    held = {
        (f"session-{nth}", ref.seq): await back.read_chunk(ref)
        for nth in range(WRITERS)
        for ref in await back.chunks(f"session-{nth}")
    }
    more = await stored(back, batch("session-new"))
    await back.close()

    print(f"\n{len(before)} batches before, {during} during, {len(held)} in the backup")
    assert ([], []) == (taken.lost, wrong)
    assert during > 0
    assert before == {key: chunk for key, chunk in held.items() if key in before}
    assert held == {key: acknowledged[key] for key in held}
    assert [StoredBatch] == [type(one) for one in more]


def test_a_file_that_goes_meanwhile_is_not_missed(data: Path, tmp_path: Path) -> None:
    """A segment removed while it is copied, its rows changed before, is not in the copy, nor named."""
    (segment,) = (data / "segments").iterdir()

    def remove(_done: int, _all: int) -> None:
        """Do what sealing does: first the rows, then the file."""
        with closing(sqlite3.connect(data / "stolper.db", isolation_level=None)) as db:
            db.execute("UPDATE batches SET segment = NULL")
        segment.unlink(missing_ok=True)

    taken = take(data, tmp_path / "backup", progress=remove)

    assert (2, []) == (taken.files, taken.lost)
    assert [] == check_backup(tmp_path / "backup")
    assert not (tmp_path / "backup" / "segments" / segment.name).exists()


def test_what_the_folder_lacks_is_named_and_the_rest_copied(data: Path, tmp_path: Path) -> None:
    """A lost asset and a segment that was cut off do not keep a backup from being taken and restored."""
    (segment,) = (data / "segments").iterdir()
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-5])
    (asset,) = (data / "blobs" / SITE.key).iterdir()
    asset.unlink()
    lost = [f"blobs/{SITE.key}/{asset.name}", f"segments/{segment.name}"]

    taken = take(data, tmp_path / "backup")
    restore_backup(tmp_path / "backup", tmp_path / "back")

    assert lost == taken.lost
    assert [f"{p} was lost before the backup was taken" for p in lost] == check_backup(
        tmp_path / "backup"
    )
    assert whole[:-5] == (tmp_path / "back" / "segments" / segment.name).read_bytes()


@pytest.mark.parametrize("what", ["segments", "blobs", "stolper.db"])
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_damaged_backup_is_not_put_in_force(
    data: Path, tmp_path: Path, what: str, how: str
) -> None:
    """One byte changed or one file missing: the check and the restore name it, and no database comes."""
    backup = tmp_path / "backup"
    take(data, backup)
    path = next(p for p in sorted(backup.rglob("*")) if p.is_file() and what in str(p))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink() if how == "missing" else path.write_bytes(content)
    name = str(path.relative_to(backup))

    with pytest.raises(
        UserError, match=f"^{name} is {'missing' if how == 'missing' else 'damaged'}"
    ):
        restore_backup(backup, tmp_path / "back")

    assert [name] == [told.split()[0] for told in check_backup(backup)]
    assert not (tmp_path / "back" / "stolper.db").exists()


def test_damage_before_the_backup_is_told_by_the_check(data: Path, tmp_path: Path) -> None:
    """Chunk bytes that were damaged in the data folder are copied as they are; the check says where."""
    (segment,) = (data / "segments").iterdir()
    content = bytearray(segment.read_bytes())
    content[3] ^= 1
    segment.write_bytes(content)
    take(data, tmp_path / "backup")

    assert [
        f"segments/{segment.name} was damaged at 0 before the backup was taken"
    ] == check_backup(tmp_path / "backup")


def test_an_unfinished_backup_is_none(data: Path, tmp_path: Path) -> None:
    """Whatever a backup that was killed leaves, it lacks what is written last."""
    take(data, tmp_path / "backup")
    (tmp_path / "backup" / "backup.json").unlink()

    with pytest.raises(UserError, match="did not come to its end"):
        restore_backup(tmp_path / "backup", tmp_path / "back")

    assert not (tmp_path / "back").exists()


def test_nothing_is_restored_over_what_is_there(data: Path, tmp_path: Path) -> None:
    """A folder that holds data is left alone, byte by byte."""
    take(data, tmp_path / "backup")
    before = files(data)

    with pytest.raises(UserError, match="holds something already"):
        restore_backup(tmp_path / "backup", data)

    assert before == files(data)


@pytest.mark.parametrize("own", [False, True])
def test_a_restore_that_was_killed_is_begun_anew(data: Path, tmp_path: Path, own: bool) -> None:
    """What it left, half a file among it, goes; settings that stood there before it stay."""
    (data / "stolper.toml").write_text("# half")
    take_backup(data, tmp_path / "backup", texts=["stolper.toml"], facts={})
    back = tmp_path / "back"
    (back / "segments").mkdir(parents=True)
    (back / "segments" / "other.seg").write_bytes(b"of another backup")
    (back / MARK).write_text(OWN_SETTINGS if own else "")
    (back / DRAFT).write_bytes(b"half")
    (back / "stolper.toml").write_text("# own" if own else "# ha")
    restore_backup(tmp_path / "backup", back)

    assert rows(data / "stolper.db") == rows(back / "stolper.db")
    assert files(data) == files(back)
    assert ("# own" if own else "# half") == (back / "stolper.toml").read_text()
    assert {"stolper.db", "stolper.toml", "segments", "blobs"} == {p.name for p in back.iterdir()}


def test_settings_that_are_there_stay(data: Path, tmp_path: Path) -> None:
    """A container's settings may lie in the folder before the data do."""
    (data / "stolper.toml").write_text("# of the backup")
    take_backup(data, tmp_path / "backup", texts=["stolper.toml"], facts={})
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "stolper.toml").write_text("# own")
    restore_backup(tmp_path / "backup", tmp_path / "back")
    restore_backup(tmp_path / "backup", tmp_path / "other")

    assert "# own" == (tmp_path / "back" / "stolper.toml").read_text()
    assert "# of the backup" == (tmp_path / "other" / "stolper.toml").read_text()


def test_a_database_that_cannot_be_read_is_one_sentence(data: Path, tmp_path: Path) -> None:
    """A damaged page in the middle: the backup fails by name, or the check tells of it."""
    database = data / "stolper.db"
    content = bytearray(database.read_bytes())
    content[4096:-4096] = b"\xff" * (len(content) - 8192)
    database.write_bytes(content)

    with pytest.raises(StoreFailed, match="cannot be copied"):
        take(data, tmp_path / "backup")
    with pytest.raises(UserError, match="did not come to its end"):
        check_backup(tmp_path / "backup")


def test_what_must_be_done_is_done_before_anybody_reads(data: Path, tmp_path: Path) -> None:
    """Whoever settles a restored database (what was erased since) sees it while it has no name yet."""
    take(data, tmp_path / "backup")
    named: list[bool] = []

    def erase(db: sqlite3.Connection, folder: Path) -> None:
        named.append((folder / "stolper.db").exists())
        db.execute("DELETE FROM sessions WHERE id = 'session-a'")

    restore_backup(tmp_path / "backup", tmp_path / "back", settle=erase)

    assert [False] == named
    assert ["session-b"] == [row[0] for row in rows(tmp_path / "back" / "stolper.db")["sessions"]]


def test_paths_that_lead_elsewhere_are_refused(data: Path, tmp_path: Path) -> None:
    """A list of files that somebody else wrote cannot write outside of the data folder."""
    take(data, tmp_path / "backup")
    for path in ("../evil", "/etc/evil", "segments/../../evil", "blobs/.hidden", "server.json"):
        with (tmp_path / "backup" / "SHA256SUMS").open("a") as sums:
            sums.write(f"{'0' * 64}  {path}\n")
        with pytest.raises(UserError, match="a line that no backup has"):
            restore_backup(tmp_path / "backup", tmp_path / "back")

    assert not (tmp_path / "back").exists()


def test_a_target_that_holds_something_is_refused(data: Path, tmp_path: Path) -> None:
    """Two backups never mix."""
    take(data, tmp_path / "backup")

    with pytest.raises(UserError, match="holds something already"):
        take(data, tmp_path / "backup")


def test_sums_are_those_of_coreutils(data: Path, tmp_path: Path) -> None:
    """`sha256sum -c` checks a backup where no Stolper is."""
    take(data, tmp_path / "backup")
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "backup", check=False, capture_output=True,
    )  # fmt: skip

    assert (0, b"") == (done.returncode, done.stdout)


def test_a_backup_is_for_its_owner_alone(data: Path, tmp_path: Path) -> None:
    """It holds what visitors did: no file or folder of it is open to others."""
    take(data, tmp_path / "backup")
    told = json.loads((tmp_path / "backup" / "backup.json").read_text())
    restore_backup(tmp_path / "backup", tmp_path / "back")
    for top in (tmp_path / "backup", tmp_path / "back"):
        folders = [top, *(path for path in top.rglob("*") if path.is_dir())]

        assert {0o700} == {path.stat().st_mode & 0o777 for path in folders}
    assert 3 == told["files"]


def test_files_named_are_those_of_the_tables_there(tmp_path: Path) -> None:
    """A database of an older version names what its tables say; a new one that is empty names nothing."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.execute("CREATE TABLE batches (segment, offset, length)")
        db.execute("INSERT INTO batches VALUES ('a.seg', 0, 5), ('a.seg', 5, 7), (NULL, 1, 2)")

        assert {"segments/a.seg": 12} == files_named(db)
    migrate(tmp_path / "new.db")
    with closing(sqlite3.connect(tmp_path / "new.db")) as db:
        assert {} == files_named(db)


def test_a_database_of_a_newer_version_is_left_alone(data: Path, tmp_path: Path) -> None:
    """Neither a server nor a restore touches what it would spoil."""
    with closing(sqlite3.connect(data / "stolper.db")) as db, db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('stolper', 'm999_future', '2030-01-01')"
        )
    take(data, tmp_path / "backup")

    with pytest.raises(UserError, match="newer version of Stolper \\(m999_future\\)"):
        restore_backup(tmp_path / "backup", tmp_path / "back")
    with pytest.raises(StoreFailed, match="newer version of Stolper \\(m999_future\\)"):
        asyncio.run(SqliteStore(data, ManualClock()).open())


class Killed(BaseException):
    """Ends the work wherever it is."""


def killing(at: int) -> Callable[[int, int], None]:
    """Return a progress that ends the work at its *at*-th sign."""
    signs = iter(range(1, at))

    def progress(_done: int, _all: int) -> None:
        if next(signs, None) is None:
            raise Killed

    return progress


def test_cut_off_anywhere_there_is_no_half_of_anything(data: Path, tmp_path: Path) -> None:
    """A backup that was cut off is refused; a restore that was cut off has no database, and is begun anew."""
    cuts = {"backup": 0, "restore": 0}
    for at in range(1, 100):
        target = tmp_path / f"backup {at}"
        try:
            take(data, target, progress=killing(at))
        except Killed:
            cuts["backup"] += 1
            with pytest.raises(UserError, match="did not come to its end"):
                check_backup(target)
        else:
            break
    for at in range(1, 100):
        try:
            restore_backup(target, tmp_path / "back", progress=killing(at))
        except Killed:
            cuts["restore"] += 1
            assert not (tmp_path / "back" / "stolper.db").exists()
        else:
            break

    print(f"\n{cuts}")
    assert rows(data / "stolper.db") == rows(tmp_path / "back" / "stolper.db")
    assert files(data) == files(tmp_path / "back")
    assert min(cuts.values()) >= 3


async def test_a_recording_with_assets_comes_back(tmp_path: Path) -> None:
    """A backup is not called damaged for a NULL that SQLite 3.40 sees in `asset_uses`, and that is none."""
    data, target = tmp_path / "data", tmp_path / "backup"
    store = SqliteStore(data, ManualClock())
    await store.open()
    await store.add_site(SITE)
    name = await store.put_asset(NewAsset(SITE.key, "sheet", "text/css", b"a{}", NOON, 10**6))
    await stored(store, batch(assets=(str(name),)))
    await store.close()
    take_backup(data, target, texts=(), facts={})

    assert [] == check_backup(target)
    restore_backup(target, tmp_path / "back")
