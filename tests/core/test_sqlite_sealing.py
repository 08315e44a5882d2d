"""Objects of finished sessions under faults: damage is named, and no step loses a recording."""

from __future__ import annotations

import errno
import gzip
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError, StoreFailed
from core.sealed import Keyframe, SealedFrame, StockRef
from core.sqlite import SqliteStore, objects, packing, sealing
from tests.core.support import SITE, ManualClock, batch
from tests.core.test_sqlite_faults import RecordingDisk
from tests.core.test_store_sealing import HOUR_MS, contents, made, text, visit


def none(ref: StockRef) -> bytes:
    raise StoreError("there is no stock")


def frame(content: bytes, base: int | None) -> SealedFrame:
    return SealedFrame((Keyframe("load", 1.0, content),), base)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 9)), min_size=1, max_size=8))
def test_frames_come_back(given_: list[tuple[bytes, int]]) -> None:
    """Whatever is packed, on whatever earlier frame, is unpacked as it was."""
    frames = [
        frame(content, base if base < number else None)
        for number, (content, base) in enumerate(given_)
    ]

    assert [one for one, _ in given_] == [*packing.contents(packing.pack(frames), "x", none)]


def test_what_repeats_costs_little() -> None:
    """A frame that says what its base says is a few bytes."""
    page = bytes(range(256)) * 8 + b"".join(b"<li>%d</li>" % n for n in range(4_000))
    alone = len(packing.pack([frame(page, None)]))
    twice = len(packing.pack([frame(page, None), frame(page, 0)]))

    assert twice < alone + 200


async def opened(data: Path, disk: RecordingDisk | None = None) -> SqliteStore:
    store = SqliteStore(data, ManualClock(), disk=disk)
    await store.open()
    if await store.site(SITE.key) is None:
        await store.add_site(SITE)
    return store


async def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    """With any one byte of an object changed, each chunk is what it was or an error, never another."""
    store = await opened(tmp_path / "d")
    await visit(store)
    await store.end_session("session-a", "left")
    assert await store.seal(await made(store))
    await store.close()
    (path,) = (tmp_path / "d" / "sealed").glob("*/*")
    whole = path.read_bytes()
    errors = 0
    for at in range(len(whole)):
        broken = bytearray(whole)
        broken[at] ^= 0x55
        path.write_bytes(broken)
        reader = objects.Objects(tmp_path / "d" / "sealed", RecordingDisk(), none)
        name = f"{path.parent.name}/{path.name}"
        for number in range(3):
            try:
                assert text(number) == reader.read(name, number)
            except StoreError:
                errors += 1

    assert errors >= len(whole)
    for length in (0, 5, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            objects.Objects(tmp_path / "d" / "sealed", RecordingDisk(), none).read(name, 3)


async def seal_and_release(store: SqliteStore) -> None:
    """Seal the session, with what came late, and remove what is not needed any more."""
    clock = store._clock
    assert isinstance(clock, ManualClock)
    await store.end_session("session-a", "left")  # what came late in a try before has opened it
    assert await store.seal(await made(store))
    late = await store.append(batch(seq=3, chunk=gzip.compress(text(3))))
    assert late.status in ("stored", "duplicate")
    await store.end_session("session-a", "left")
    assert await store.seal(await made(store))
    clock.advance(3 * HOUR_MS)
    await store.release()


async def prepared(data: Path, disk: RecordingDisk) -> SqliteStore:
    store = await opened(data, disk)
    await visit(store)
    await store.end_session("session-a", "left")
    disk.steps.clear()
    return store


async def test_the_order_of_a_seal(tmp_path: Path) -> None:
    """Bytes, name and folder are durable before the rows; a segment goes after them."""
    disk = RecordingDisk()
    store = await prepared(tmp_path / "d", disk)
    assert await store.seal(await made(store))
    sealed = list(disk.steps)
    disk.steps.clear()
    store._clock.advance(3 * HOUR_MS)  # type: ignore[attr-defined] -- a test's clock
    assert 1 == await store.release()
    await store.close()

    assert ["open", "write", "fsync", "rename", "fsync folder", "commit"] == [
        step for n, step in enumerate(sealed) if n or step != "fsync folder"
    ]
    assert ["unlink", "commit", "commit"] == disk.steps  # the last: stocks that nothing rests on


@pytest.mark.parametrize("when", ["before", "after"])
async def test_every_step_of_a_seal_may_fail(tmp_path: Path, when: str) -> None:
    """Fail the n-th step for every n: all chunks are read, then and after another try."""
    disk = RecordingDisk()
    store = await prepared(tmp_path / "count", disk)
    await seal_and_release(store)
    await store.close()
    steps = len(disk.steps)
    assert 14 <= steps
    for n in range(steps):
        disk = RecordingDisk()
        store = await prepared(tmp_path / f"step-{n}", disk)

        def fail(number: int, _: str, n: int = n) -> None:
            if number == n:
                raise OSError(errno.EIO, "broken")

        setattr(disk, when, fail)
        for _ in range(3):
            try:
                await seal_and_release(store)
                break
            except (StoreFailed, OSError):
                there = await contents(store)

                assert [text(seq) for seq in range(len(there))] == there
                assert 3 <= len(there)
        assert [text(seq) for seq in range(4)] == await contents(store)
        await store.close()


async def test_a_crash_between_any_two_steps_loses_nothing(tmp_path: Path) -> None:
    """The folder as it is before and after each step, opened as after a crash, holds every chunk."""
    disk = RecordingDisk()
    data = tmp_path / "d"
    store = await prepared(data, disk)
    copies: list[Path] = []

    def copy(number: int, name: str) -> None:
        copies.append(tmp_path / f"copy-{len(copies)}")
        shutil.copytree(data, copies[-1])

    disk.before = disk.after = copy
    await seal_and_release(store)
    disk.before = disk.after = lambda number, name: None
    await store.close()

    assert 28 <= len(copies)
    for path in copies:
        crashed = await opened(path)
        there = await contents(crashed)

        assert [text(seq) for seq in range(len(there))] == there
        assert 3 <= len(there)
        await crashed.close()


async def test_what_waits_is_found_by_its_index(tmp_path: Path) -> None:
    """Neither the sessions to seal nor the segments they need cost a look at every session."""
    store = await opened(tmp_path / "d")
    await store.close()
    db = sqlite3.connect(tmp_path / "d" / "stolper.db")
    seen: list[str] = []
    db.set_trace_callback(seen.append)
    sealing.unsealed_sessions(db, 0, 9)
    sealing.segments_needed(db)
    db.set_trace_callback(None)
    selects = [one for one in seen if "sealed <> 1" in one]
    plans = [" ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {one}")) for one in selects]
    db.close()

    assert 2 == len(plans)
    assert ["INDEX sessions_unsealed" in plan for plan in plans] == [True, True], plans
