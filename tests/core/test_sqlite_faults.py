"""The embedded store under faults: no acknowledged batch is lost, none is stored twice."""

from __future__ import annotations

import asyncio
import errno
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import StoreBusy, StoreFailed
from core.model import NewBatch, Verdicts
from core.sqlite import Disk, SqliteStore
from tests.core.support import NOON, SITE, ManualClock, batch, flag


class RecordingDisk(Disk):
    """Notes every step, and lets *before* and *after* do what they like around it."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.folders: list[Path] = []  # whose names were made durable
        self.tear = False  # write half, then fail
        self.before: Callable[[int, str], None] = lambda n, name: None
        self.after: Callable[[int, str], None] = lambda n, name: None

    def _step(self, name: str) -> int:
        number = len(self.steps)
        self.steps.append(name)
        self.before(number, name)
        return number

    def open_append(self, path: Path) -> int:
        number = self._step("open")
        fd = super().open_append(path)
        self.after(number, "open")
        return fd

    def write(self, fd: int, data: bytes) -> None:
        number = self._step("write")
        super().write(fd, data[: len(data) // 2] if self.tear else data)
        if self.tear:
            raise OSError(errno.EIO, "torn")
        self.after(number, "write")

    def fsync(self, fd: int) -> None:
        number = self._step("fsync")
        super().fsync(fd)
        self.after(number, "fsync")

    def fsync_folder(self, path: Path) -> None:
        number = self._step("fsync folder")
        super().fsync_folder(path)
        self.folders.append(path)
        self.after(number, "fsync folder")

    def rename(self, path: Path, to: Path) -> None:
        number = self._step("rename")
        super().rename(path, to)
        self.after(number, "rename")

    def unlink(self, path: Path) -> None:
        number = self._step("unlink")
        super().unlink(path)
        self.after(number, "unlink")

    def truncate(self, fd: int, size: int) -> None:
        number = self._step("truncate")
        super().truncate(fd, size)
        self.after(number, "truncate")

    def commit(self, db: sqlite3.Connection) -> None:
        number = self._step("commit")
        super().commit(db)
        self.after(number, "commit")

    def settle(self, db: sqlite3.Connection) -> None:
        number = self._step("settle")
        super().settle(db)
        self.after(number, "settle")


WORK = [[batch(f"session-{n}", seq) for n in range(3)] for seq in range(4)]
"""Four groups of three batches; a new segment begins before the third group."""


async def work(store: SqliteStore, clock: ManualClock) -> list[NewBatch]:
    """Send WORK group by group, each batch up to three times as a browser would; return the acknowledged."""
    acknowledged: list[NewBatch] = []

    async def send(new: NewBatch) -> None:
        for _ in range(3):
            try:
                answer = await store.append(new)
            except (StoreFailed, StoreBusy):
                continue
            assert answer.status in ("stored", "duplicate")
            acknowledged.append(new)
            return

    for number, group in enumerate(WORK):
        if number == 2:
            clock.advance(3_600_000)
        await asyncio.gather(*map(send, group))
    return acknowledged


async def check(data: Path, acknowledged: list[NewBatch]) -> None:
    """Open *data* afresh: every acknowledged batch is there once, with its chunk."""
    store = SqliteStore(data, ManualClock())
    await store.open()
    stored = await store.batches_after(0, 1000)
    identities = [(b.session, b.page_load, b.seq) for b in stored]

    assert len(set(identities)) == len(identities)
    assert {(b.session, b.page_load, b.seq) for b in acknowledged} <= set(identities)
    for session in {b.session for b in stored}:
        found = await store.session(session)
        assert found is not None
        assert len([b for b in stored if b.session == session]) == found.events
        for ref in await store.chunks(session):
            assert f"chunk of {session}/load-1/{ref.seq}".encode() == await store.read_chunk(ref)
    await store.close()


async def run(data: Path, disk: RecordingDisk, arm: Callable[[], None]) -> list[NewBatch]:
    """Do WORK on *data* with *disk*; *arm* is called once the site is there."""
    clock = ManualClock()
    store = SqliteStore(data, clock, disk=disk)
    await store.open()
    await store.add_site(SITE)
    disk.steps.clear()
    arm()
    acknowledged = await work(store, clock)
    await store.close()
    return acknowledged


async def count_steps(folder: Path) -> list[str]:
    """Return the steps that WORK takes when nothing fails."""
    disk = RecordingDisk()
    assert 12 == len(await run(folder, disk, lambda: None))
    return list(disk.steps)


async def test_bytes_are_durable_before_rows_and_rows_before_answers(tmp_path: Path) -> None:
    """The trace of one batch: open, folder, write, fsync, commit; its answer comes after."""
    disk = RecordingDisk()
    store = SqliteStore(tmp_path / "d", ManualClock(), disk=disk)
    await store.open()
    await store.add_site(SITE)
    assert ["fsync folder", "fsync folder", "settle", "commit"] == disk.steps
    disk.steps.clear()
    for seq in range(2):
        await store.append(batch(seq=seq))
        disk.steps.append("answer")
    await store.append(batch(seq=2, chunk=b""))
    disk.steps.append("answer")
    await store.append(batch(seq=2, chunk=b""))
    disk.steps.append("duplicate")

    first = ["open", "fsync folder", "write", "fsync", "commit", "answer"]
    second = ["write", "fsync", "commit", "answer"]
    rows_only = ["commit", "answer", "commit", "duplicate"]
    assert first + second + rows_only == disk.steps
    await store.close()


async def test_a_new_data_folder_is_durable_in_the_folders_above_it(tmp_path: Path) -> None:
    """Every folder that was made is synced in the one above it before anything is committed."""
    disk = RecordingDisk()
    data = tmp_path / "srv" / "stolper" / "data"
    committed: list[list[Path]] = []

    def note(_number: int, name: str) -> None:
        if name == "commit":
            committed.append([*disk.folders])

    disk.before = note
    store = SqliteStore(data, ManualClock(), disk=disk)
    await store.open()
    await store.add_site(SITE)
    await store.close()

    assert [[tmp_path, tmp_path / "srv", data.parent, data]] == committed
    assert 0o700 == data.stat().st_mode & 0o777


async def test_a_group_shares_its_fsyncs(tmp_path: Path) -> None:
    """A hundred batches that come while the disk is busy take a few commits, not a hundred."""
    disk = RecordingDisk()
    store = SqliteStore(tmp_path / "d", ManualClock(), disk=disk)
    await store.open()
    disk.steps.clear()
    await asyncio.gather(*(store.append(batch(seq=seq)) for seq in range(100)))

    assert 5 >= disk.steps.count("commit")
    assert disk.steps.count("write") == disk.steps.count("fsync") == disk.steps.count("commit")
    await store.close()


async def test_while_many_come_they_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a group of eight the next eight are one, though they come by and by; a stop waits for none."""
    disk = RecordingDisk()
    store = SqliteStore(tmp_path, ManualClock(), disk=disk)
    await store.open()
    await store.add_site(SITE)
    await asyncio.gather(*(store.append(batch(seq=n)) for n in range(8)))
    monkeypatch.setattr("core.sqlite.writer.LINGER_S", 3600)
    before = disk.steps.count("commit")
    later = []
    for n in range(8, 16):
        later.append(asyncio.create_task(store.append(batch(seq=n))))
        await asyncio.sleep(0)  # two turns: to begin it, and for what it has asked for
        await asyncio.sleep(0)
    await asyncio.gather(*later)
    assert before + 1 == disk.steps.count("commit")
    alone = asyncio.create_task(store.append(batch(seq=16)))
    await asyncio.sleep(0)
    await store.close()
    assert "stored" == (await alone).status


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "no space"), sqlite3.OperationalError("x")]
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_every_step_may_fail_once(tmp_path: Path, when: str, error: Exception) -> None:
    """
    Fail the n-th disk step for every n: the store goes on serving and nothing is lost.

    Failed before the step or after it (then the step was done and nobody knows), by the
    disk or by the database. A browser that sends again gets its batch acknowledged.
    """
    steps = await count_steps(tmp_path / "count")
    assert 12 <= len(steps)
    for n in range(len(steps)):
        disk = RecordingDisk()

        def fail(number: int, name: str, n: int = n) -> None:
            if number == n:
                raise error

        data = tmp_path / f"step-{n}"
        acknowledged = await run(data, disk, lambda: setattr(disk, when, fail))  # noqa: B023

        assert 12 == len(acknowledged), (n, disk.steps)
        await check(data, acknowledged)


async def test_a_disk_that_stays_full_is_refused_and_recovers(tmp_path: Path) -> None:
    """While writes fail every append raises StoreFailed; then all goes on, nothing is doubled."""
    disk = RecordingDisk()
    store = SqliteStore(tmp_path / "d", ManualClock(), disk=disk)
    await store.open()
    await store.add_site(SITE)
    await store.append(batch())

    def full(_: int, name: str) -> None:
        if name == "write":
            raise OSError(errno.ENOSPC, "no space")

    disk.before = full
    for _ in range(3):
        with pytest.raises(StoreFailed):
            await store.append(batch(seq=1))
    assert 1 == len(await store.batches("session-a"))
    disk.before = lambda number, name: None

    assert "stored" == (await store.append(batch(seq=1))).status
    await store.close()
    await check(tmp_path / "d", [batch(), batch(seq=1)])


async def test_a_torn_write_is_cut_off(tmp_path: Path) -> None:
    """Half of a chunk on the disk before the error: the next chunk is whole and found."""
    disk = RecordingDisk()
    store = SqliteStore(tmp_path / "d", ManualClock(), disk=disk)
    await store.open()
    await store.append(batch())
    disk.tear = True
    with pytest.raises(StoreFailed):
        await store.append(batch(seq=1))
    disk.tear = False
    await store.append(batch(seq=2))
    await store.close()
    (segment,) = (tmp_path / "d" / "segments").iterdir()

    assert len(b"chunk of session-a/load-1/0") * 2 == segment.stat().st_size
    await check(tmp_path / "d", [batch(), batch(seq=2)])


async def test_a_crash_between_any_two_steps_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """
    The folder as it is before and after each step, opened as after a crash.

    It holds everything that had been acknowledged by then, and nothing twice.
    """
    disk = RecordingDisk()
    data = tmp_path / "d"
    clock = ManualClock()
    store = SqliteStore(data, clock, disk=disk)
    await store.open()
    await store.add_site(SITE)
    acknowledged: list[NewBatch] = []
    copies: list[tuple[Path, list[NewBatch]]] = []

    def copy(number: int, name: str) -> None:
        target = tmp_path / f"copy-{len(copies)}"
        shutil.copytree(data, target)
        copies.append((target, list(acknowledged)))

    disk.before = disk.after = copy
    for group in WORK:
        for new, answer in zip(group, await asyncio.gather(*map(store.append, group)), strict=True):
            assert "stored" == answer.status
            acknowledged.append(new)
    await store.close()

    assert 2 * len(WORK) * 3 <= len(copies)
    for folder, by_then in copies:
        await check(folder, by_then)


async def test_a_deleted_segment_swallows_nothing(tmp_path: Path) -> None:
    """When the current segment is deleted under the store, new chunks go to a new file."""
    store = SqliteStore(tmp_path / "d", ManualClock())
    await store.open()
    await store.append(batch())
    for segment in (tmp_path / "d" / "segments").iterdir():
        segment.unlink()
    await store.append(batch(seq=1))
    (ref,) = [ref for ref in await store.chunks("session-a") if ref.seq == 1]

    assert b"chunk of session-a/load-1/1" == await store.read_chunk(ref)
    await store.close()


async def test_verdicts_fail_as_a_whole(tmp_path: Path) -> None:
    """A failed commit leaves neither flags nor checkpoint; the same verdicts can be written again."""
    disk = RecordingDisk()
    store = SqliteStore(tmp_path / "d", ManualClock(), disk=disk)
    await store.open()
    await store.append(batch())

    def fail(_: int, name: str) -> None:
        if name == "commit":
            raise OSError(errno.EIO, "broken")

    disk.before = fail
    verdicts = [Verdicts("session-a", 1, (flag(),))]
    with pytest.raises(StoreFailed):
        await store.commit_verdicts(verdicts)
    assert (0, []) == (await store.checkpoint(), await store.flags("session-a"))
    disk.before = lambda number, name: None
    await store.commit_verdicts(verdicts)

    assert (1, [flag()]) == (await store.checkpoint(), await store.flags("session-a"))
    await store.close()


async def test_segments_are_named_by_the_utc_hour(tmp_path: Path) -> None:
    """A new hour begins a new segment; both are read."""
    clock = ManualClock()
    store = SqliteStore(tmp_path / "d", clock)
    await store.open()
    await store.append(batch())
    clock.now = NOON + 3_600_000
    await store.append(batch(seq=1))
    names = sorted(path.name for path in (tmp_path / "d" / "segments").iterdir())

    assert ["2027-01-15T08.seg", "2027-01-15T09.seg"] == names
    await store.close()
    await check(tmp_path / "d", [batch(), batch(seq=1)])


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
async def test_a_folder_that_is_none_says_so(tmp_path: Path, content: bytes) -> None:
    """What cannot be opened raises StoreFailed, which names the folder; nothing is overwritten."""
    (tmp_path / "stolper.db").write_bytes(content)
    data = tmp_path if content else tmp_path / "stolper.db"
    with pytest.raises(StoreFailed, match=str(data)):
        await SqliteStore(data, ManualClock()).open()

    assert content == (tmp_path / "stolper.db").read_bytes()


async def test_a_bad_batch_leaves_no_bytes(tmp_path: Path) -> None:
    """The chunk of a batch that was refused within its group is not in the segment."""
    store = SqliteStore(tmp_path / "d", ManualClock())
    await store.open()
    bad = batch("session-bad", attributes={"x": object()}, chunk=b"secret")
    await asyncio.gather(
        store.append(batch()), store.append(bad), store.append(batch(seq=1)), return_exceptions=True
    )
    await store.close()
    (segment,) = (tmp_path / "d" / "segments").iterdir()

    assert b"chunk of session-a/load-1/0chunk of session-a/load-1/1" == segment.read_bytes()
