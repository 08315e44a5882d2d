"""The contract of core/store.py on every implementation: finished sessions as objects of their own."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import pytest

from core.errors import StoreError
from core.sealed import STOCK, Activity, Keyframe, Sealed, SealedChunk, SealedFrame
from core.store import Store
from core.wire import GZIP, IDENTITY
from tests.core.support import NOON, SITE, ManualClock, batch, stored

HOUR_MS = 3_600_000


async def made(store: Store, session: str = "session-a", *, keyframe_t: float = 5.0) -> Sealed:
    """Return *session* as an object: its chunks plain, in a frame each that has the first as base."""
    refs = await store.chunks(session)
    frames = []
    for ref in refs:
        raw = await store.read_chunk(ref)
        plain = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        part = SealedChunk(ref.page_load, ref.seq, plain, IDENTITY)
        frames.append(SealedFrame((part,), 0 if frames else None))
    first = refs[0].page_load
    frames.append(SealedFrame((Keyframe(first, keyframe_t, b"[keyframe]" * 9),), 0))
    return Sealed(session, SITE.key, tuple(refs), tuple(frames))


async def sealed(store: Store, session: str = "session-a") -> None:
    """End and seal *session*."""
    await store.end_session(session, "left")

    assert await store.seal(await made(store, session))


def text(seq: int, session: str = "session-a") -> bytes:
    """Return what chunk *seq* says."""
    return f"chunk {seq} of {session}, ".encode() * 20


async def visit(store: Store, session: str = "session-a", seqs: range = range(3)) -> None:
    """Store a session with a chunk for each of *seqs*, as browsers compress them."""
    for seq in seqs:
        await stored(store, batch(session, seq, chunk=gzip.compress(text(seq, session))))


async def contents(store: Store, session: str = "session-a") -> list[bytes]:
    """Return what the chunks of *session* say."""
    return [
        gzip.decompress(raw) if ref.info.encoding == GZIP else raw
        for ref in await store.chunks(session)
        for raw in [await store.read_chunk(ref)]
    ]


async def test_sealing_changes_where_chunks_lie_and_nothing_else(store: Store) -> None:
    """Chunks say the same, with the same facts; batches, pages and the session are as they were."""
    await visit(store)
    await store.end_session("session-a", "left")
    before = [
        await store.batches("session-a"),
        await store.page_loads("session-a"),
        await store.session("session-a"),
        [(r.page_load, r.tab, r.seq, r.info.count, r.info.first_t) for r in await store.chunks("session-a")],
    ]  # fmt: skip

    assert await store.seal(await made(store))

    assert [text(seq) for seq in range(3)] == await contents(store)
    after = [
        await store.batches("session-a"),
        await store.page_loads("session-a"),
        await store.session("session-a"),
        [(r.page_load, r.tab, r.seq, r.info.count, r.info.first_t) for r in await store.chunks("session-a")],
    ]  # fmt: skip

    assert before == after
    assert {IDENTITY} == {ref.info.encoding for ref in await store.chunks("session-a")}


async def test_ended_sessions_wait_to_be_sealed(store: Store, clock: ManualClock) -> None:
    """Those that were closed before the time asked for, first ended first, until they are sealed."""
    for name in ("session-a", "session-b", "session-c"):
        await visit(store, name)
    for name in ("session-b", "session-a"):
        clock.advance(1000)
        await store.end_session(name, "left")

    async def waiting(before_ms: int, limit: int = 9) -> list[str]:
        return [session.id for session in await store.unsealed_sessions(before_ms, limit)]

    assert ["session-b"] == await waiting(NOON + 2000)
    assert ["session-a", "session-b"] == sorted(await waiting(NOON + 2001))
    assert 1 == len(await waiting(NOON + 2001, limit=1))
    await sealed(store)

    assert ["session-b"] == await waiting(NOON + 9999)
    await store.leave_unsealed("session-b")

    assert [] == await waiting(NOON + 9999)
    await visit(store, "session-b", range(3, 4))
    await store.end_session("session-b", "left")

    assert ["session-b"] == await waiting(NOON + 9999)


async def test_a_session_without_recording_is_sealed_as_nothing(store: Store) -> None:
    """It waits no longer, and takes no object."""
    await stored(store, batch(chunk=b""))
    await store.end_session("session-a", "left")

    assert await store.seal(Sealed("session-a", SITE.key, (), ()))
    assert [] == await store.unsealed_sessions(NOON + 1, 9)
    assert [] == await store.chunks("session-a")


async def test_a_late_chunk_is_read_beside_and_sealed_anew(store: Store, tmp_path: Path) -> None:
    """What comes after sealing is there at once; sealed again there is one object, with all of it."""
    await visit(store)
    await sealed(store)
    await visit(store, seqs=range(3, 5))

    assert [text(seq) for seq in range(5)] == await contents(store)
    await store.end_session("session-a", "left")

    assert ["session-a"] == [one.id for one in await store.unsealed_sessions(NOON + 1, 9)]
    assert await store.seal(await made(store, keyframe_t=7.0))
    assert [text(seq) for seq in range(5)] == await contents(store)
    assert [7.0] == [ref.t for ref in await store.keyframes("session-a", "load-1")]
    assert 1 == len([*(tmp_path / "data" / "sealed").glob("*/*")])


async def test_what_came_meanwhile_is_not_sealed_over(store: Store, tmp_path: Path) -> None:
    """An object made of fewer chunks than there are is refused, and leaves nothing behind."""
    await visit(store)
    await store.end_session("session-a", "left")
    old = await made(store)
    await visit(store, seqs=range(3, 4))

    assert not await store.seal(old)
    assert [text(seq) for seq in range(4)] == await contents(store)
    assert [] == [*(tmp_path / "data" / "sealed").glob("*/*")]


async def test_who_reads_while_it_is_sealed_gets_the_same_bytes(
    store: Store, clock: ManualClock
) -> None:
    """A place that was given out before, in a segment or an older object, still leads to its chunk."""
    await visit(store)
    before = await store.chunks("session-a")
    await sealed(store)
    clock.advance(3 * HOUR_MS)

    assert 1 == await store.release()
    assert [text(seq) for seq in range(3)] == [
        gzip.decompress(await store.read_chunk(ref)) for ref in before
    ]
    between = await store.chunks("session-a")
    await visit(store, seqs=range(3, 4))
    await sealed(store)

    assert [text(seq) for seq in range(3)] == [await store.read_chunk(ref) for ref in between]


async def test_keyframes_come_by_time(store: Store) -> None:
    """Each with its time and its events; of a document that has none there are none."""
    await visit(store)
    await store.end_session("session-a", "left")
    whole = await made(store)
    more = SealedFrame((Keyframe("load-1", 9.5, b"[later]"), Keyframe("load-1", 2, b"[first]")), 1)

    assert await store.seal(dataclasses.replace(whole, frames=(*whole.frames, more)))
    refs = await store.keyframes("session-a", "load-1")

    assert [2, 5, 9.5] == [ref.t for ref in refs]
    told = [await store.read_keyframe(ref) for ref in refs]

    assert [b"[first]", b"[keyframe]" * 9, b"[later]"] == told
    assert [] == await store.keyframes("session-a", "load-2")
    with pytest.raises(StoreError):
        await store.read_keyframe(dataclasses.replace(refs[0], crc32=refs[0].crc32 ^ 1))


async def test_what_was_noted_of_activity_is_kept(store: Store) -> None:
    """It comes back as it was noted; of sessions of which nothing was, or that went on, nothing does."""
    await visit(store)
    await visit(store, "session-b")
    await sealed(store, "session-b")
    await store.end_session("session-a", "left")
    whole = await made(store)
    noted = SealedFrame((Activity(b"noted " * 9),), 0)

    assert None is await store.activity("session-a")
    assert await store.seal(dataclasses.replace(whole, frames=(*whole.frames, noted)))
    assert b"noted " * 9 == await store.activity("session-a")
    assert None is await store.activity("session-b")
    await visit(store, seqs=range(3, 4))

    assert None is await store.activity("session-a")


async def test_segments_go_when_all_in_them_is_sealed(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    """One session that is open, or could not be sealed, keeps its segment; this hour's stay anyway."""
    folder = tmp_path / "data" / "segments"
    await visit(store, "session-a")
    await visit(store, "session-b")
    await sealed(store)
    clock.advance(HOUR_MS)

    assert 0 == await store.release()
    clock.advance(HOUR_MS)

    assert 0 == await store.release()
    await store.end_session("session-b", "left")
    await store.leave_unsealed("session-b")

    assert 0 == await store.release()
    assert 1 == len([*folder.iterdir()])
    await sealed(store, "session-b")

    assert 1 == await store.release()
    assert [] == [*folder.iterdir()]
    for name in ("session-a", "session-b"):
        assert [text(seq, name) for seq in range(3)] == await contents(store, name)


async def test_an_object_that_nobody_knows_goes(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    """A draft and an object without a row are removed the next day; objects in use stay."""
    await visit(store)
    await sealed(store)
    clock.now = int((tmp_path / "data").stat().st_mtime * 1000)  # files have the real time
    strange = tmp_path / "data" / "sealed" / "zz"
    strange.mkdir()
    for name in ("1.sealed", ".2.sealed"):
        (strange / name).write_bytes(b"junk")

    assert 0 == await store.release()
    clock.advance(24 * HOUR_MS)

    assert 2 == await store.release()
    assert [text(seq) for seq in range(3)] == await contents(store)


async def test_style_sheets_of_sealed_sessions_are_in_use(store: Store) -> None:
    """A seal whose frames name a style sheet that is not kept does no harm."""
    await visit(store)
    await store.end_session("session-a", "left")
    whole = await made(store)

    assert await store.seal(dataclasses.replace(whole, assets=("0" * 32,)))


async def test_sessions_rest_on_their_sites_stock(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    """The newest stock is given out; older ones stay for what rests on them, and no longer."""
    assert None is await store.stock(SITE.key)
    refs = [await store.put_stock(SITE.key, content) for content in (text(0), b"other" * 99)]

    assert (refs[1], b"other" * 99) == await store.stock(SITE.key)
    assert None is await store.stock("other")
    await visit(store)
    await store.end_session("session-a", "left")
    whole = await made(store)
    frames = tuple(dataclasses.replace(one, base=one.base or STOCK) for one in whole.frames)
    whole = dataclasses.replace(whole, frames=frames, stock=refs[0])

    assert await store.seal(whole)
    clock.now = int((tmp_path / "data").stat().st_mtime * 1000) + 24 * HOUR_MS
    unused = await store.put_stock(SITE.key, b"third")
    newest = await store.put_stock(SITE.key, b"fourth")
    await store.release()

    assert [text(seq) for seq in range(3)] == await contents(store)
    kept = {path.name for path in (tmp_path / "data" / "stocks" / SITE.key).iterdir()}
    assert {refs[0].name, newest.name} == kept - {unused.name, refs[1].name} == kept
    first, copy = (
        tmp_path / "data" / name / SITE.key / refs[0].name for name in ("stocks", "stocks.copy")
    )
    for broken in (first, copy):
        broken.write_bytes(b"broken")
        reader = type(store)(tmp_path / "data", clock)  # type: ignore[call-arg] -- an embedded one
        await reader.open()
        if broken is first:
            assert [text(seq) for seq in range(3)] == await contents(reader)
        else:
            with pytest.raises(StoreError):
                await reader.read_chunk((await reader.chunks("session-a"))[0])
        await reader.close()


async def test_a_stock_that_is_gone_comes_back_by_nothing(store: Store, tmp_path: Path) -> None:
    """Once another took its place, no session is sealed on it and none is kept that was made from it."""
    old, new = await store.put_stock(SITE.key, text(0)), await store.put_stock(SITE.key, text(1))
    await visit(store)
    await store.end_session("session-a", "left")
    whole = await made(store)
    frames = tuple(dataclasses.replace(one, base=one.base or STOCK) for one in whole.frames)
    await store.replace_stock(old, new)

    assert not await store.seal(dataclasses.replace(whole, frames=frames, stock=old))
    assert None is await store.renew_stock(old, text(0) + b"more")
    assert {new.name} == {path.name for path in (tmp_path / "data" / "stocks").glob("*/*")}
    assert (new, text(1)) == await store.stock(SITE.key)
    assert await store.seal(dataclasses.replace(whole, frames=frames, stock=new))


async def test_an_open_session_is_never_sealed(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    """One that goes on is not sealed; one that goes on after it was keeps what it sends from then on."""
    await visit(store)

    assert not await store.seal(await made(store))
    await sealed(store)
    clock.advance(2 * HOUR_MS)
    await stored(store, batch(seq=3, chunk=b""))  # opens it again, without recording
    assert [] == await store.unsealed_sessions(NOON + 9 * HOUR_MS, 9)

    assert not await store.seal(await made(store))
    await visit(store, seqs=range(4, 5))
    clock.advance(3 * HOUR_MS)
    await store.release()

    assert [text(seq) for seq in (0, 1, 2, 4)] == await contents(store)
    await sealed(store)
    await store.release()

    assert [text(seq) for seq in (0, 1, 2, 4)] == await contents(store)
    assert [] == [*(tmp_path / "data" / "segments").iterdir()]
