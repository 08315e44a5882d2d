"""The web server's own log."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from aiohttp import web

from collector.log import CountingLogger, server_logger


async def test_no_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A fault that no middleware caught, and a broken request, are logged without the address."""

    async def broken(_: web.Request) -> web.Response:
        raise RuntimeError("broken inside")

    app = web.Application()
    app.router.add_get("/", broken)
    runner = web.AppRunner(app, access_log=None, logger=server_logger())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    caplog.set_level(logging.DEBUG)
    for line in (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"nonsense\r\n\r\n"):
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(line)
        assert (await reader.read()).startswith(b"HTTP/1.")
        writer.close()
    await runner.cleanup()
    logged = [record for record in caplog.records if record.name == server_logger().name]

    assert len(logged) == 2
    assert "broken inside" in caplog.text
    assert "127.0.0.1" not in caplog.text
    assert "Error handling request" in {record.getMessage() for record in logged}


async def test_a_scanner_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Of requests that are no HTTP one line stands in the log, without what they held; all are counted."""
    counters: Counter[str] = Counter()
    logger = CountingLogger(counters)
    runner = web.AppRunner(web.Application(), access_log=None, logger=logger)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    for n in range(5):
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nsecret-%d\0: a\r\n\r\n" % n)
        assert b" 400 " in (await reader.read())[:20]
        writer.close()
    await runner.cleanup()

    assert 5 == counters["refused_bad_http"]
    assert 1 == len([record for record in caplog.records if record.name == server_logger().name])
    assert "secret" not in caplog.text
