"""Finished sessions are sealed in the background: what is read stays the same, from any moment on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.model import NewAsset
from core.sqlite import SqliteStore
from replay.hands import noted
from replay.ranges import load_range
from replay.recording import recordings
from replay.timeline import inactive_spans
from stolper.sealer import AFTER_MS, BackgroundSealer
from tests.console.support import (
    START,
    Clock,
    Visit,
    add_text,
    element,
    mutation,
    rrweb_page,
    scroll,
    shop,
    text_node,
)
from tests.replay.mirrored import Data, mirrored, state
from tests.replay.test_mirror import played

CHUNK = 40  # events


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", clock)
    await opened.open()
    await opened.add_site(shop())
    yield opened
    await opened.close()


async def sealed(store: SqliteStore, clock: Clock, session: str = "v") -> None:
    """End *session* and seal it."""
    await store.end_session(session, "left")
    clock.now += AFTER_MS + 1

    assert 1 == await BackgroundSealer(store, clock).sweep()


async def recording(store: SqliteStore, session: str = "v") -> list[dict[str, Any]]:
    return [load.as_dict() async for load in recordings(store, session)]


def files(store: SqliteStore, folder: str) -> list[Path]:
    return [path for path in (store._data / folder).rglob("*") if path.is_file()]


async def long_visit(store: SqliteStore, seed: int, steps: int) -> list[Data]:
    """Store a page that changes at random, a hundred milliseconds apart; return its events."""
    events, _ = played(seed, steps)
    for number, event in enumerate(events):
        event["timestamp"] = max(0, number - 1) * 100 // 3  # some at the same time
    visit = Visit(store, "v")
    for at in range(0, len(events), CHUNK):
        await visit.send([], recording=events[at : at + CHUNK])
    return events


def until(events: list[Data], at: float) -> list[Data]:
    return [event for event in events if event["timestamp"] <= at]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_from_any_moment_it_is_the_same_page(
    store: SqliteStore, clock: Clock, seed: int
) -> None:
    """
    From a keyframe and what follows the page is what it is from the start, at 40 random moments.

    A range needs no more than the events of one keyframe to the next.
    """
    await long_visit(store, seed, 2_500)
    await sealed(store, clock)
    [whole] = await recording(store)
    keyframes = await store.keyframes("v", "load-1")
    chance = random.Random(seed)
    last = whole["events"][-1]["timestamp"]

    assert 2_502 == len(whole["events"])
    assert 3 <= len(keyframes)
    begun = set()
    for _ in range(40):
        at = chance.uniform(START, last)
        found = await load_range(store, "v", "load-1", at)
        assert found is not None
        begun.add(found.from_ms)

        assert [] == found.recording.gaps
        assert len(found.recording.events) < 1_600
        assert (found.from_ms or START) < at <= (found.until_ms or last)
        expected = state(mirrored(until(whole["events"], at)))
        assert expected == state(mirrored(until(found.recording.events, at)))

    assert len(begun) >= 3


async def test_pauses_are_known_without_the_recording(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sealed session's spans without activity are those of its recording, and no chunk is read for them."""
    visit = Visit(store, "v")
    damaged = [
        add_text(2_100, 9, "x"),
        {"type": 3, "timestamp": 2_200, "data": 1},
        scroll(2_300),
        7,
    ]
    hands = [scroll(at) for at in (500, 9_000, 9_020, 9_400, 40_000, 49_999, 86_400_000)]
    await visit.send([], recording=[*rrweb_page(), *hands[:4], add_text(30_000, 20, "by itself")])
    await visit.send([], recording=hands[4:])
    await visit.send([], recording=[*rrweb_page(), scroll(2_000)], load="load-2", origin=60_000)
    await visit.send([], recording=damaged, load="load-2", origin=60_000)
    await visit.send([], recording=[scroll(5), *rrweb_page(at=90)], load="load-3", origin=62_000)
    begun = await noted(store, "v")
    before = inactive_spans(begun.moments, START, START + 86_401_000)
    await sealed(store, clock)

    async def read(ref: object) -> bytes:
        raise AssertionError(ref)

    monkeypatch.setattr(store, "read_chunk", read)
    known = await noted(store, "v")
    after = inactive_spans(known.moments, START, START + 86_401_000)

    assert [(10_400, 39_000), (50_999, 61_000), (63_300, 86_399_000)] == [
        (since - START, until - START) for since, until in before
    ]
    assert before == after
    assert ["malformed_event", "malformed_event", "no_snapshot"] == [gap.kind for gap in known.gaps]
    assert begun.gaps == known.gaps


async def test_a_chunk_that_cannot_be_read_is_named_when_a_page_opens(
    store: SqliteStore, clock: Clock
) -> None:
    """What cannot be read is kept as it came, and is among the gaps that are known without reading."""
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page())
    await visit.send([], recording=b"no gzip at all")
    await sealed(store, clock)
    [read] = await recording(store)
    known = await noted(store, "v")

    assert ["corrupt_chunk"] == [gap.kind for gap in known.gaps]
    assert [gap.as_dict() for gap in known.gaps] == read["gaps"]


async def test_a_damaged_keyframe_is_named_and_done_without(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The range then begins with the document, and says what is wrong."""
    await long_visit(store, 1, 1_200)
    await sealed(store, clock)
    [whole] = await recording(store)
    last = whole["events"][-1]["timestamp"]

    async def broken(ref: object) -> bytes:
        return b"[{"

    monkeypatch.setattr(store, "read_keyframe", broken)
    found = await load_range(store, "v", "load-1", last)
    assert found is not None

    assert whole["events"] == found.recording.events
    assert ["corrupt_keyframe"] == [gap.kind for gap in found.recording.gaps]
    assert None is await load_range(store, "v", "load-2", last)


async def test_a_damaged_object_is_named_as_gaps(store: SqliteStore, clock: Clock) -> None:
    """A range of a recording whose object cannot be read at all says so, as the whole recording does."""
    await long_visit(store, 1, 1_200)
    await sealed(store, clock)
    [path] = files(store, "sealed")
    content = path.read_bytes()
    path.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
    found = await load_range(store, "v", "load-1", START + 200)
    assert found is not None
    [whole] = await recording(store)

    assert [] == found.recording.events
    assert {"corrupt_chunk"} == {gap.kind for gap in found.recording.gaps}
    assert whole["gaps"] == [gap.as_dict() for gap in found.recording.gaps]


async def test_short_pages_have_no_keyframes(store: SqliteStore, clock: Clock) -> None:
    """A page that is soon read from its start needs none; its range is the whole."""
    events = await long_visit(store, 3, 100)
    before = await recording(store)
    await sealed(store, clock)
    found = await load_range(store, "v", "load-1", START + 200)

    assert [] == await store.keyframes("v", "load-1")
    assert found is not None
    assert (None, None, len(events)) == (
        found.from_ms, found.until_ms, len(found.recording.events),
    )  # fmt: skip
    assert before == await recording(store)


async def test_what_is_read_stays_the_same(store: SqliteStore, clock: Clock) -> None:
    """Several documents, left-out ids, damage and what is malformed: events and gaps are as before."""
    visit = Visit(store, "v")
    elided = rrweb_page()
    for node in elided[1]["data"]["node"]["childNodes"]:
        del node["id"]
    await visit.send([], recording=elided)
    await visit.send([], recording=[add_text(900, 20, "Zähler"), {"type": 3, "timestamp": 950}])
    await visit.send([], recording=b"junk")
    await visit.send([], recording=[scroll(1_000)])
    await visit.send([], recording=rrweb_page(), load="load-2", tab="tab-2", origin=5_000)
    before = await recording(store)
    await sealed(store, clock)

    assert before == await recording(store)
    assert ["malformed_event", "corrupt_chunk"] == [gap["kind"] for gap in before[0]["gaps"]]
    assert 1 == len(files(store, "sealed"))


async def test_style_sheets_are_kept_once(store: SqliteStore, clock: Clock) -> None:
    """A style text that the site has is not in the object again, and is there when it is read."""
    css = "".join(f".c{number} {{ color: #{number:06x} }}" for number in range(400))
    text = css.encode()
    name = await store.put_asset(NewAsset("sshop", "sheet", "text/css", text, START, 10**9))
    page = [element(6, "style", [], {"_cssText": css}), element(7, "style", [], {"_cssText": "a"})]
    await Visit(store, "v").send([], recording=rrweb_page(children=page))
    before = await recording(store)
    await sealed(store, clock)
    [ref] = await store.chunks("v")

    assert before == await recording(store)
    assert f'{{"sha256":"{name}"}}'.encode() in await store.read_chunk(ref)
    assert len(await store.read_chunk(ref)) < 1_500


async def test_what_the_page_let_pass_is_masked(store: SqliteStore, clock: Clock) -> None:
    """E-mail addresses, IBANs and card numbers in texts, attributes and fields; names of pictures stay."""
    page = [
        element(6, "p", [text_node(7, "Write to erika@probe.example now")]),
        element(8, "a", [], {"href": "https://a.example/icons/logo@2x.png?mail=e@b.example#x"}),
        element(9, "img", [], {"src": "/logo@2x.png", "alt": "DE89 3704 0044 0532 0130 00"}),
        element(10, "p", [], {"class": "a@b.example", "data-card": "4111 1111 1111 1111"}),
    ]
    typed = {"type": 3, "timestamp": 40, "data": {"source": 5, "id": 6, "text": "x@y.example"}}
    changed = mutation(50, texts=[{"id": 7, "value": "now e@f.example"}])
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page(children=page))
    await visit.send([], recording=[typed, changed, scroll(60)])
    await sealed(store, clock)
    [load] = await recording(store)
    body = load["events"][1]["data"]["node"]["childNodes"][1]["childNodes"][1]["childNodes"]

    assert "Write to [email] now" == body[0]["childNodes"][0]["textContent"]
    assert {"href": "https://a.example/icons/logo@2x.png?mail=[email]#x"} == body[1]["attributes"]
    assert {"src": "/logo@2x.png", "alt": "[iban]"} == body[2]["attributes"]
    assert {"class": "a@b.example", "data-card": "[card]"} == body[3]["attributes"]
    assert "[email]" == load["events"][2]["data"]["text"]
    assert "now [email]" == load["events"][3]["data"]["texts"][0]["value"]
    told = (await store.health("sshop", START)).of("masked")
    names = {"textContent", "href", "alt", "data-card", "text", "value"}
    assert dict.fromkeys(names, 1) == {one.detail: one.count for one in told}


async def test_late_chunks_are_sealed_with_the_others(store: SqliteStore, clock: Clock) -> None:
    """What comes after sealing is read at once, and one object holds all when it is sealed again."""
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page())
    await sealed(store, clock)
    await visit.send([], recording=[scroll(500)])
    between = await recording(store)

    assert 3 == len(between[0]["events"])
    await sealed(store, clock)

    assert between == await recording(store)
    assert 1 == len(files(store, "sealed"))
    assert [0, 0] == [ref.frame and 0 for ref in await store.chunks("v")]


async def test_it_waits_for_what_comes_late(store: SqliteStore, clock: Clock) -> None:
    """A session is sealed a minute after its end; an open one is not."""
    for name in ("open", "ended"):
        await Visit(store, name).send([], recording=rrweb_page())
    await store.end_session("ended", "left")
    sealer = BackgroundSealer(store, clock)
    clock.now += AFTER_MS

    assert 0 == await sealer.sweep()
    clock.now += 1

    assert (1, 0) == (await sealer.sweep(), await sealer.sweep())
    assert [None] == [ref.frame for ref in await store.chunks("open")]


async def test_a_session_that_cannot_be_sealed_holds_up_nobody(
    store: SqliteStore, clock: Clock
) -> None:
    """Damage on the disk leaves the session as it is, once; others are sealed."""
    for name in ("bad", "good"):
        await Visit(store, name).send([], recording=rrweb_page())
        await store.end_session(name, "left")
    bad = (await store.chunks("bad"))[0]
    with (store._data / "segments" / bad.segment).open("r+b") as segment:
        segment.seek(bad.offset)
        segment.write(b"XXXX")
    clock.now += AFTER_MS + 1
    sealer = BackgroundSealer(store, clock)

    assert (2, 0) == (await sealer.sweep(), await sealer.sweep())
    assert [0] == [ref.frame for ref in await store.chunks("good")]
    assert [bad] == await store.chunks("bad")


async def test_it_leaves_the_machine_to_what_arrives(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While batches arrive it rests four times as long as it worked; otherwise not at all."""
    rests: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        rests.append(seconds)
        await real(0)

    monkeypatch.setattr("stolper.sealer.asyncio.sleep", sleep)
    monkeypatch.setattr("stolper.sealer.time.perf_counter", iter(range(1000)).__next__)
    for busy in (False, True):
        name = f"v{busy}"
        await Visit(store, name).send([], recording=rrweb_page())
        await store.end_session(name, "left")
        clock.now += AFTER_MS + 1
        rests.clear()
        await BackgroundSealer(store, clock, busy=lambda busy=busy: busy).sweep()

        assert ([4.0, 4.0] if busy else []) == rests


async def test_it_runs_until_it_is_cancelled(store: SqliteStore, clock: Clock) -> None:
    """Sessions are sealed and their segments removed without anybody asking."""
    await Visit(store, "v").send([], recording=rrweb_page())
    before = await recording(store)
    await store.end_session("v", "left")
    clock.now += 3 * 3_600_000
    task = asyncio.create_task(BackgroundSealer(store, clock, every_ms=1).run())
    while files(store, "segments"):  # noqa: ASYNC110 -- nothing to wait for
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert before == await recording(store)


async def test_a_page_that_everybody_sees_costs_next_to_nothing(
    store: SqliteStore, clock: Clock
) -> None:
    """Once three visitors have sent it alike; after a restart, too, and it is read as before."""
    rows = [element(10 + n, "li", [], {"class": f"row{n * n % 7919:x}"}) for n in range(800)]
    sizes = []
    for number in range(6):
        visit = Visit(store, f"v{number}", start=clock.now)
        await visit.send([], recording=rrweb_page(children=[*rows, text_node(9, f"{number}")]))
        before = await recording(store, visit.id)
        await sealed(store, clock, visit.id)  # each by another sealer, which knows what is stored
        if number < 3:
            await _learned(store, clock)
        [ref] = await store.chunks(visit.id)
        sizes.append((store._data / "sealed" / ref.segment).stat().st_size)

        assert before == await recording(store, visit.id)

    assert max(sizes[3:]) * 8 < min(sizes[:3]), sizes


async def _learned(store: SqliteStore, clock: Clock) -> None:
    """Let one sealer see all visits so far, as one that runs on has seen them."""
    sealer = BackgroundSealer(store, clock)
    for number in range(3):
        session = await store.session(f"v{number}")
        if session is not None:
            await sealer.seal(session)


async def test_times_are_those_of_the_events(store: SqliteStore, clock: Clock) -> None:
    """A head that lies about its chunk's times hides nothing from a range of the recording."""
    events = await long_visit(store, 1, 1_200)
    late = {"type": 3, "timestamp": 50_000, "data": {"source": 3, "id": 1, "x": 5, "y": 77}}
    await Visit(store, "v", _seq={"load-1": 90}).send([], recording=[late])
    await store._writer.submit(
        lambda db, _: db.execute("UPDATE batches SET first_t = 1, last_t = 2 WHERE seq = 90")
    )
    await sealed(store, clock)
    found = await load_range(store, "v", "load-1", START + 50_001)
    assert found is not None

    assert events[-1]["timestamp"] < 50_000
    assert found.from_ms is not None
    assert [77] == [e["data"].get("y") for e in found.recording.events if e["data"].get("x") == 5]


async def test_a_damaged_stock_is_done_without(store: SqliteStore, clock: Clock) -> None:
    """What rests on it cannot be read; sessions that end later are sealed without it."""
    ref = await store.put_stock("sshop", b"[" + b"{}," * 99)
    for folder in ("stocks", "stocks.copy"):
        (store._data / folder / "sshop" / ref.name).write_bytes(b"broken")
    await Visit(store, "v").send([], recording=rrweb_page())
    before = await recording(store)
    await sealed(store, clock)

    assert before == await recording(store)
    assert [0] == [ref.frame for ref in await store.chunks("v")]


async def test_a_disk_that_fails_does_not_end_sealing(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file below sealed/ that cannot be looked at or removed ends one round; the next seals."""
    failed = asyncio.Event()

    def old(_: object, before_ms: int) -> list[str]:
        failed.set()
        raise OSError("the disk is gone")

    monkeypatch.setattr("core.sqlite.objects.Objects.old", old)
    sealer = BackgroundSealer(store, clock, every_ms=10)
    running = asyncio.create_task(sealer.run())
    async with asyncio.timeout(60):
        await failed.wait()
        await Visit(store, "v").send([], recording=rrweb_page())
        await store.end_session("v", "left")
        clock.now += AFTER_MS + 1
        while await store.unsealed_sessions(clock.now, 1):
            assert not running.done()
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert 1 == len(files(store, "sealed"))
