"""Long recordings in a real Chromium: read from keyframe to keyframe, shown as if they were read whole."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Response, Route, expect

from console.exporting import Wish, write_export
from replay.known import WHOLE
from replay.recording import load_recording
from stolper.sealer import BackgroundSealer
from tests.console.conftest import signed_in
from tests.console.support import (
    Running,
    Visit,
    add_text,
    element,
    mutation,
    rrweb_page,
    running_console,
    scroll,
    shop,
    text_node,
)
from tests.console.test_player import open_session, picture
from tests.replay.offline import offline_parts

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NUMBERS = itertools.count()  # of sessions: a test that is tried again has one of its own
STEP = 100  # ms between two changes
TICKS = 3_000
CHUNK = 100  # events


def tick(number: int) -> dict[str, Any]:
    """Return the change that writes *number* into the page."""
    return mutation(number * STEP, texts=[{"id": 7, "value": f"tick {number}"}])


async def sealed(console: Running, session: str) -> None:
    """End *session* and seal it."""
    ended = await console.store.end_session(session, "left")
    assert ended is not None

    assert await BackgroundSealer(console.store, console.clock).seal(ended)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def long(tmp_path_factory: pytest.TempPathFactory, player: Path) -> AsyncIterator[Running]:
    """A console with a sealed session of five minutes whose page changes all the time."""
    async with running_console(tmp_path_factory.mktemp("long"), player=player) as running:
        await running.store.add_site(shop())
        visit = Visit(running.store, "long")
        recording = [*rrweb_page("tick 0", at=0), *(tick(n) for n in range(1, TICKS + 1))]
        recording.insert(450, {"type": 3, "timestamp": 44_850, "data": 7})
        for at in range(0, len(recording), CHUNK):
            events = [{"t": at * STEP, "type": "page"}] if not at else []
            await visit.send(events, recording=recording[at : at + CHUNK])
        await sealed(running, "long")

        assert len(await running.store.keyframes("long", "load-1")) >= 5
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def viewer(browser: Browser, long: Running) -> AsyncIterator[Page]:
    """A page that is signed in at that console. A script error in it fails the test."""
    async with signed_in(browser, long) as page:
        yield page


class Parts:
    """The answers with recordings that *page* got."""

    def __init__(self, page: Page) -> None:
        self.all: list[Response] = []
        page.on("response", lambda got: self.all.append(got) if "/loads/" in got.url else None)

    async def bodies(self) -> list[dict[str, Any]]:
        return [await one.json() for one in self.all]


async def seek(page: Page, at: int) -> None:
    """Go to *at* milliseconds as a hand on the bar does."""
    await page.locator("#seek").evaluate(
        "(bar, at) => { bar.value = at; bar.dispatchEvent(new Event('input')); }", at
    )


def moved(at: int, node: int) -> dict[str, Any]:
    """Return the event of a pointer that comes to rest on *node*."""
    positions = [{"x": 5, "y": 5, "id": node, "timeOffset": 0}]
    return {"type": 3, "timestamp": at, "data": {"source": 1, "positions": positions}}


def heading(page: Page) -> Any:
    return picture(page).locator("h1")


async def test_opening_late_reads_one_part(viewer: Page, long: Running) -> None:
    """
    A link to a late moment fetches the part that shows it and nothing else; what is damaged elsewhere is named.

    rrweb replays all that was before (its issues 1281, 1267), and hours took PostHog tens of seconds.
    """
    whole = await load_recording(long.store, "long", "load-1")
    assert whole is not None
    parts = Parts(viewer)
    await open_session(viewer, long, "long", "?at=230050")
    await expect(heading(viewer)).to_have_text("tick 2300")

    [part] = await parts.bodies()
    assert len(whole.events) > 4 * len(part["events"])
    assert part["from"] <= part["origin"] + 230_050 < part["until"]
    assert {part["from"]} == {e["timestamp"] for e in part["events"] if e["type"] in (2, 4)}
    assert part["gaps"] == []
    await expect(viewer.locator("#gaps li", has_text="event 50 of chunk 4")).to_have_count(1)
    await seek(viewer, 45_000)
    await expect(heading(viewer)).to_have_text("tick 450")
    await expect(viewer.locator("#gaps li", has_text="of chunk 4")).to_have_count(1)


async def test_any_moment_after_any_other(viewer: Page, long: Running) -> None:
    """
    After 40 seeks to and fro every picture is that of its moment, within parts and over them.

    Elsewhere the picture froze after five to ten of them (highlight 10044).
    """
    chance = random.Random(7)
    await open_session(viewer, long, "long")
    await expect(heading(viewer)).to_have_text("tick 0")
    number = 0
    for nth in range(40):
        near = nth % 3 == 0  # a step to either side, mostly within what is drawn
        number = min(TICKS - 1, max(0, number + chance.randint(-60, 60))) if near else chance.randint(0, TICKS - 1)  # fmt: skip
        await seek(viewer, number * STEP)
        await expect(heading(viewer)).to_have_text(f"tick {number}")


async def test_playing_on_is_seamless(viewer: Page, long: Running) -> None:
    """
    At 16 times the speed it plays from part to part: forward, without a blank, on the same elements.

    Elsewhere seeking sticks and high speed shows blank frames (PostHog 35696).
    """
    parts = Parts(viewer)
    await open_session(viewer, long, "long", "?at=20000")
    await expect(heading(viewer)).to_have_text("tick 200")
    await viewer.locator("#speed").select_option("16")
    await viewer.keyboard.press("i")  # nobody's hand moved: it would skip all of it
    stage = next(frame for frame in viewer.frames if "/stage/" in frame.url)
    await stage.evaluate(
        """() => {
          const page = () => document.querySelector('.screen:not([style*="hidden"]) iframe')?.contentDocument;
          window.first = page().querySelector("h1");
          window.seen = [];
          const look = () => {
            seen.push(page()?.querySelector("h1")?.textContent ?? "blank");
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    await viewer.keyboard.press("Space")
    await expect(viewer.locator("#now")).to_have_text(re.compile("^[234]:"), timeout=120_000)
    seen = await stage.evaluate("seen")
    same = await stage.evaluate(
        "first === document.querySelector('.screen iframe').contentDocument.querySelector('h1')"
    )
    numbers = [int(text.removeprefix("tick ")) for text in seen]

    assert sorted(numbers) == numbers
    assert numbers[-1] >= 1_150
    assert same
    assert len(parts.all) >= 3


async def test_a_running_session_is_read_by_parts(viewer: Page, long: Running) -> None:
    """Of a session that still runs a late moment fetches one part, too; what comes meanwhile is shown, to and fro."""
    visit = Visit(long.store, f"running-{next(NUMBERS)}")

    async def send(first: int, last: int) -> None:
        told = [*(rrweb_page("tick 0", at=0) if first == 1 else ()), *(tick(n) for n in range(first, last))]  # fmt: skip
        for at in range(0, len(told), CHUNK):
            events = [{"t": 0, "type": "page"}] if first == 1 and not at else []
            stored = await visit.send(events, recording=told[at : at + CHUNK])
        long.live.batch_stored(stored)

    await send(1, 1_401)
    parts = Parts(viewer)
    await open_session(viewer, long, visit.id, "?at=130050")
    await expect(heading(viewer)).to_have_text("tick 1300")
    [part] = [await one.json() for one in parts.all if "?at=" in one.url]

    assert part["from"] is not None and part["until"] is None
    assert len(part["events"]) < 700
    await send(1_401, 2_001)
    await expect(viewer.locator("#length")).to_have_text("3:20")
    for number in (1_990, 1_310, 30, 1_500, 640, 1_999):
        await seek(viewer, number * STEP)
        await expect(heading(viewer)).to_have_text(f"tick {number}")
    whole = await load_recording(long.store, visit.id, "load-1")

    assert whole is not None and len(whole.events) == 2_002
    assert max(len(one["events"]) for one in await parts.bodies()) < 700


async def test_an_exported_file_is_read_by_parts(
    viewer: Page, long: Running, player: Path, tmp_path: Path
) -> None:
    """
    The exported file of a long session holds keyframes, and all else once; any moment after any other is right.

    Only parts that were to be seen are inflated.
    """
    session = await long.store.session("long")
    whole = await load_recording(long.store, "long", "load-1")
    assert session is not None and whole is not None
    file = io.BytesIO()
    await write_export(long.store, session, Wish("html", WHOLE, "en"), player, file)
    held = offline_parts(file.getvalue())
    spans = orjson.loads(held["recording load-1"])["parts"]
    events: list[Any] = []
    for number, (since, until) in enumerate(spans):
        part = orjson.loads(held[f"part {number} load-1"])
        own = [e for e in part if since is None or e["timestamp"] > since]

        assert since is None or 2 in [e["type"] for e in part if e["timestamp"] == since]
        assert until is None or max(e["timestamp"] for e in own) <= until
        events += own
    assert [e["timestamp"] for e in whole.events] == [e["timestamp"] for e in events]
    assert len(spans) >= 5

    path = tmp_path / "long.html"
    path.write_bytes(file.getvalue())
    await viewer.add_init_script(
        "window.inflated = 0; const native = DecompressionStream;"
        "window.DecompressionStream = function (form) { inflated++; return new native(form) }"
    )
    await viewer.goto(f"{path.as_uri()}?at=230050")
    shown = viewer.frame_locator('.screen:not([style*="hidden"]) iframe').locator("h1")
    await expect(shown).to_have_text("tick 2300")

    assert 3 == await viewer.evaluate("inflated")  # the session, the document, the part
    for number in (2_310, 5, 2_999, 1_400, 1_390, 2_301):
        await viewer.locator("input[type=range]").evaluate(
            "(bar, at) => { bar.value = at; bar.dispatchEvent(new Event('input')); }", number * STEP
        )
        await expect(shown).to_have_text(f"tick {number}")


async def test_a_hand_on_the_bar_draws_where_it_ends(viewer: Page, long: Running) -> None:
    """A drag over the whole bar ends with the picture of its end, and fetches few of the parts it crossed."""
    await open_session(viewer, long, "long")
    await expect(heading(viewer)).to_have_text("tick 0")
    parts = Parts(viewer)
    await viewer.locator("#seek").evaluate(
        """(bar) => {
          for (let at = 0; at <= 290_000; at += 1_000) {
            bar.value = at;
            bar.dispatchEvent(new Event("input"));
          }
        }"""
    )
    await expect(heading(viewer)).to_have_text("tick 2900")

    assert len(parts.all) <= 3


async def test_a_part_that_does_not_come(viewer: Page, long: Running) -> None:
    """A part that is slow or fails is told in a sentence; asked for again it comes."""
    held = asyncio.Event()
    await open_session(viewer, long, "long")
    await expect(heading(viewer)).to_have_text("tick 0")

    async def hold(route: Route) -> None:
        await held.wait()
        await route.abort()

    await viewer.route("**/loads/**", hold)
    await seek(viewer, 150_000)
    await expect(viewer.locator("#stage-note")).to_contain_text("Loading the recording")
    held.set()
    await expect(viewer.locator("#stage-note")).to_contain_text("cannot be loaded")
    await viewer.unroute("**/loads/**")
    await seek(viewer, 150_100)
    await expect(heading(viewer)).to_have_text("tick 1501")
    await expect(viewer.locator("#stage-note")).to_be_hidden()
    held.clear()  # one that never comes keeps nobody from another
    await viewer.route("**/loads/**", hold, times=1)
    await seek(viewer, 260_000)
    await expect(viewer.locator("#stage-note")).to_contain_text("Loading the recording")
    await seek(viewer, 40_000)
    await expect(heading(viewer)).to_have_text("tick 400")
    held.set()


async def test_the_pointer_hovers(viewer: Page, long: Running) -> None:
    """Rules for what is under the pointer hold in the replay, whatever stands around them; others stay."""
    css = (
        ".a { color: rgb(9, 9, 9) } /* ; */ .a:hover, .b { color: rgb(1, 1, 1) }"
        " .x::after { content: '{a:hover' } @media (hover:hover), all { .b { margin: 3px } }"
        " @media (min-device-width: 1px) { .b { background: rgb(2, 2, 2) } } .b .c:hover { color: rgb(3, 3, 3) }"
    )
    body = [
        element(6, "style", [{**text_node(7, css), "isStyle": True}]),
        element(8, "p", [text_node(9, "a")], {"class": "a"}),
        element(10, "div", [element(11, "p", [text_node(12, "c")], {"class": "c"})], {"class": "b"}),
    ]  # fmt: skip
    visit = Visit(long.store, f"hover-{next(NUMBERS)}")
    await visit.send(
        [{"t": 0, "type": "page"}],
        recording=[
            *rrweb_page(at=0, children=body),
            moved(1_000, 8),
            moved(2_000, 11),
            scroll(9_000),
        ],
    )
    await long.store.end_session(visit.id, "left")
    await open_session(viewer, long, visit.id, "?at=500")
    colours = (
        """page => ['.a', '.b', '.c'].map(s => getComputedStyle(page.querySelector(s)).color)"""
    )
    body_of = picture(viewer).locator("body")
    await expect(picture(viewer).locator(".c")).to_be_visible()
    seen = [await body_of.evaluate(colours)]
    for at in (1_500, 2_500):
        await seek(viewer, at)
        await expect(picture(viewer).locator(".a" if at < 2_000 else ".c")).to_have_class(re.compile(":hover"))  # fmt: skip
        seen.append(await body_of.evaluate(colours))

    one, nine, three = "rgb(1, 1, 1)", "rgb(9, 9, 9)", "rgb(3, 3, 3)"
    assert seen == [[nine, one, one], [one, one, one], [nine, one, three]]
    others = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).marginTop]"
    assert await picture(viewer).locator(".b").evaluate(others) == ["rgb(2, 2, 2)", "3px"]


async def test_a_day_without_activity_is_skipped(viewer: Page, long: Running) -> None:
    """
    Play jumps over 24 hours within a page, and over 24 more to the next one.

    rrweb plays on at a high speed, which blocks for ages (its issue 1419).
    """
    day = 86_400_000
    visit = Visit(long.store, f"days-{next(NUMBERS)}")
    first = [*rrweb_page("First"), scroll(500), add_text(day, 20, "Next day"), scroll(day + 1)]
    await visit.send([{"t": 0, "type": "page"}], recording=first)
    await visit.send([{"t": 0, "type": "page"}], recording=[*rrweb_page("Second"), scroll(20)], load="load-2", origin=2 * day)  # fmt: skip
    await sealed(long, visit.id)
    await open_session(viewer, long, visit.id)
    await expect(heading(viewer)).to_have_text("First")
    await expect(viewer.locator(".inactive")).to_have_count(2)
    await viewer.locator("#play").click()
    await expect(picture(viewer).locator("p")).to_have_text("Next day")
    await expect(heading(viewer)).to_have_text("Second")
    await expect(viewer.locator("#play-text")).to_have_text("Play")


async def test_what_was_not_kept_is_told(viewer: Page, long: Running) -> None:
    """Pictures and style sheets that are gone are hatched where they stood and named; the page shows."""
    away = "http://127.0.0.1:9/away"
    body = [
        element(6, "h1", [text_node(7, "Here")]),
        element(8, "img", [], {"src": f"{away}.png", "width": "80", "height": "40"}),
        element(9, "link", [], {"rel": "stylesheet", "href": f"{away}.css"}),
    ]
    visit = Visit(long.store, f"away-{next(NUMBERS)}")
    page = rrweb_page(at=0, children=body)
    await visit.send([{"t": 0, "type": "page"}], recording=[*page, scroll(3_000)])
    await long.store.end_session(visit.id, "left")
    await open_session(viewer, long, visit.id)
    await expect(heading(viewer)).to_have_text("Here")
    await expect(picture(viewer).locator("img[rr_missing]")).to_have_count(1)
    hatched = await picture(viewer).locator("img").evaluate("e => getComputedStyle(e).backgroundImage")  # fmt: skip

    assert hatched.startswith("repeating-linear-gradient")
    gaps = viewer.locator("#gaps")
    await expect(gaps).to_contain_text("Pictures of this page were not kept")
    await expect(gaps).to_contain_text("A style sheet of this page was not kept")
