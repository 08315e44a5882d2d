"""The bench of storage weighs what is sent and what is sealed, of sessions as they are stored."""

from __future__ import annotations

from pathlib import Path

from bench import yielding
from bench.storage import Shown, Theme, measure, options_of, run, table, verdict
from core.sqlite import SqliteStore
from stolper.sealer import BackgroundSealer
from tests.console.support import START, Clock, Visit, rrweb_page, scroll, shop


async def visited(data: Path) -> None:
    """Store a session of three equal pages, and close the store."""
    store = SqliteStore(data, Clock())
    await store.open()
    await store.add_site(shop())
    visit = Visit(store, "v")
    words = [f"{number} {number**5 % 9_973:x}" for number in range(2_000)]
    for number in range(3):
        page = rrweb_page(" ".join(words))
        events = [{"type": "page", "t": 1}]
        await visit.send(events, recording=page, load=f"load-{number}", origin=number * 60_000)
        await visit.send([], recording=[scroll(500)], load=f"load-{number}")
    await store.close()


async def test_what_a_session_takes(tmp_path: Path) -> None:
    """Three pages that say the same are sent three times and sealed once; the sums say so."""
    await visited(tmp_path / "data")
    lines: list[str] = []
    await run(options_of(["--data", str(tmp_path / "data")]), lines.append)
    [row] = [line.split(" | ") for line in lines if line.startswith("| shop")]

    assert ["3", "2.0", "9"] == row[1:4]
    assert 2.5 < float(row[9]) < 3.5, row
    assert float(row[8]) < float(row[5])
    [ratio] = [line.split() for line in lines if line.startswith("gzip batches / sealed: ")]
    [known] = [line.split() for line in lines if line.startswith("the same once 3 visitors")]
    assert 2 * float(ratio[4]) < float(known[13].rstrip(","))


async def test_a_session_that_is_sealed_is_weighed_once(tmp_path: Path) -> None:
    """Another run finds nothing left to seal; a table of one session has its figures."""
    await visited(tmp_path / "data")
    store = SqliteStore(tmp_path / "data", Clock(START + 9_000_000))
    await store.open()
    [session] = await store.open_sessions()
    taken = await measure(store, BackgroundSealer(store, Clock(START)), session)
    lines: list[str] = []
    table([taken], lines.append)
    verdict([taken], lines.append)

    assert taken.sealed < taken.zstd * 2 < taken.plain
    assert taken.as_rrweb >= taken.sent > taken.sealed
    assert 3 == taken.pages
    assert [] == await store.unsealed_sessions(START + 9_999_999, 9)
    assert 6 == len(lines)
    await store.close()


def test_pages_of_a_theme(tmp_path: Path) -> None:
    """Those that are named, or all; the snippet stands in each."""
    root = tmp_path / "node_modules" / "theme"
    root.mkdir(parents=True)
    for name in ("index", "other"):
        (root / f"{name}.html").write_text("<html><head></head></html>")

    assert ["index.html", "other.html"] == Shown(Theme("theme", ""), tmp_path).pages
    assert ["other.html"] == Shown(Theme("theme", "", ("other",)), tmp_path).pages


async def test_arrivals_are_measured_beside_sealing() -> None:
    """Each way of sealing has its waits, as many as were sent, and what was sealed meanwhile."""
    lines: list[str] = []
    words = "--sessions 3 --seconds 0.5 --rate 20 --rounds 1"
    none, resting, idle = await yielding.run(yielding.options_of(words.split()), lines.append)

    assert [10, 10, 10] == [len(one.waits_ms) for one in (none, resting, idle)]
    assert all(0 < one.percentile(50) <= one.percentile(99) for one in (none, resting, idle))
    assert 0 == none.sealed
    assert 1 <= resting.sealed
    assert resting.sealed + idle.sealed <= 3  # what arrived has not ended
    assert 6 == len(lines)
