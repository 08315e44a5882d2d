"""News inside the process: coalesced, bounded, never in the way."""

from __future__ import annotations

import aiohttp

from console.live import MAX_PENDING, Live, News
from core.model import StoredBatch
from tests.console.support import Running


def batch(session: str) -> StoredBatch:
    return StoredBatch(1, "s", session, "p", "t", 0, 0, [], ())


async def test_news_of_one_session_are_one() -> None:
    """A page that takes its time finds each session once, with all that happened to it."""
    live = Live()
    with live.listen() as listener:
        for _ in range(1000):
            live.batch_stored(batch("a"))
        live.batch_stored(batch("b"))

        assert await listener.take(1) == News({"a": {"stored"}, "b": {"stored"}})
        assert await listener.take(0.01) == News({})


async def test_too_much_news_is_everything() -> None:
    """Beyond the bound a page is told to load everything; memory does not grow."""
    live = Live()
    with live.listen() as listener:
        for number in range(MAX_PENDING + 10):
            live.batch_stored(batch(str(number)))

        assert await listener.take(1) == News({}, everything=True)
        live.batch_stored(batch("a"))
        assert await listener.take(1) == News({"a": {"stored"}})


async def test_only_what_was_asked_for() -> None:
    """Who listens to one session hears of no other; only who follows is watching."""
    live = Live()
    with live.listen("a") as listener:
        live.batch_stored(batch("b"))

        assert await listener.take(0.01) == News({})
        assert not live.watched("a")
        with live.listen("a", follow=True):
            assert live.watched("a")
        assert not live.watched("a")


async def test_closing_lets_pages_go() -> None:
    """When the server stops, open pages end at once, and later ones do not wait."""
    live = Live()
    with live.listen() as listener:
        live.close()

        assert await listener.take(10) is None
    with live.listen() as listener:
        assert await listener.take(10) is None


async def test_stream_tells_a_page(console: Running, http: aiohttp.ClientSession) -> None:
    """A page that is signed in hears which session changed, as server-sent events."""
    await console.sign_in(http)
    async with http.get(console.url + "/live?session=a") as stream:
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readuntil(b"data: {}\n\n")
        console.live.batch_stored(batch("b"))
        console.live.batch_stored(batch("a"))
        text = await stream.content.readuntil(b"\n\n")

    assert text == b'event: news\ndata: {"sessions":{"a":["stored"]},"everything":false}\n\n'
