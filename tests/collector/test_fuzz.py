"""
Made-up bytes, sent to both ways of reading HTTP: the same answer, and never a fault of the server.

Two collectors run in a thread on real sockets. `make test` takes a hundred or so of each kind,
`make test-long` thousands.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.app import build_app
from collector.app import runner as collector_runner
from core.settings import load_settings
from core.sqlite import SqliteStore
from tests.collector.support import SITE, body, head
from tests.core.support import ManualClock
from tests.e2e.strangers.victim import SENTINEL, request, told

WIDE = {
    f"collector.{whose}_{what}": 10**7
    for whose in ("site", "address")
    for what in ("batches_per_s", "sessions_per_min")
}
QUICK = settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)  # fmt: skip
LONG = settings(QUICK, max_examples=5000)

LARGE_SENTINEL = SENTINEL.replace(b"\r\n\r\n", b"\r\nContent-Length: 12000\r\n\r\n") + b"x" * 12_000

numbers = itertools.count(1)


class Pair:
    """The ports of two collectors, by aiohttp alone and by our own protocol."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event
        self._ports: Future[list[int]] = Future()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()
        self.ports = self._ports.result(60)

    def close(self) -> None:
        """End both."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        started = [await self._start(own=own) for own in (False, True)]
        self._ports.set_result([runner.addresses[0][1] for runner, _ in started])
        await self._stop.wait()
        for runner, store in started:
            await runner.cleanup()
            await store.close()

    async def _start(self, *, own: bool) -> tuple[web.AppRunner, SqliteStore]:
        clock = ManualClock()
        folder = self._folder / str(own)
        store = SqliteStore(folder, clock)
        await store.open()
        await store.add_site(SITE)
        given = {**WIDE, "collector.own_protocol": own}
        app = build_app(
            store,
            clock,
            load_settings(folder, env={}, overrides=given),
            snippet_dir=folder,
            on_stored=lambda _: None,
            watched=lambda _: False,
        )
        runner = collector_runner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, store


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Run two collectors whose time limits are short."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("collector.connection.IDLE_TIMEOUT_S", "collector.app.IDLE_TIMEOUT_S",
                     "collector.connection.HEAD_TIMEOUT_S", "collector.connection.BODY_TIMEOUT_S",
                     "collector.ingest.BODY_TIMEOUT_S", "collector.app.LINGER_S"):  # fmt: skip
            patch.setattr(name, 1.5)
        patch.setattr("collector.front.SWEEP_S", 0.1)
        made = Pair(tmp_path_factory.mktemp("pair"))
        yield made
        made.close()


def asked(port: int, data: bytes) -> list[str]:
    """Return the statuses of all answers to *data*, and "closed" if the sentinel had none."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
        try:
            wire.sendall(data)
            while more := wire.recv(1 << 16):
                found += more
        except ConnectionError:
            pass
    answers = told(found).replace("503 slow", "slow")  # for a body that does not come: no fault
    return [said.split(" ")[0] for said in answers.split(", ")]


def same(pair: Pair, data: bytes) -> list[str]:
    """
    Send *data* to both, check that both answer alike, and return the answers.

    aiohttp forgets the good requests before a broken one that came in the same packet, and takes
    all for broken that comes behind one that ends the connection; we close and drop it.
    """
    theirs, ours = (asked(port, data) for port in pair.ports)
    over = len(re.findall(rb"(?i)connection:[ \t]*close", data)) > 1 and ours[-1] == "closed"
    if theirs == ["400", "closed"] and (ours[-2:] == theirs or over):
        return theirs

    assert theirs == ours
    assert not [status for status in ours if status.startswith("5")]
    return ours


TOKENS = [
    b"", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"\r\n\r\n", b"%", b"/", b"..",
    b"?", b"#", b"0", b"9", b"-1", b"+", b"0x", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Host: b\r\n", b"Upgrade: websocket\r\n",
    b"Content-Encoding: gzip\r\n", b"HTTP/1.0", b"HTTP/2", b"GET ", b"\xff", b"\xc3\xa4", b"a" * 9000,
    b"X-Forwarded-For: 1.2.3.4\r\n", b"Origin: null\r\n", b"Trailer: a\r\n",
]  # fmt: skip
FIELDS = [token for token in TOKENS if token.endswith(b"\r\n") and len(token) > 4]
CHANGE = st.tuples(
    st.integers(0, 10**6),
    st.integers(0, 12),
    st.sampled_from(FIELDS) | st.sampled_from(TOKENS) | st.binary(max_size=3),
)
REQUEST = st.tuples(
    st.sampled_from(["plain", "plain", "plain", "chunked", "get", "options", "early"]),
    st.lists(CHANGE, max_size=3),
)


def made(kind: str, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Return a request of *kind* with *changes*: where, how much goes, what comes; in its head for the most part."""
    data = body(head(next(numbers)))
    if kind == "plain":
        whole = request(data)
    elif kind == "chunked":
        whole = request(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
        whole += b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    else:
        path = {"get": "GET /healthz", "options": f"OPTIONS /i/{SITE.key}"}.get(
            kind, f"POST /i/{SITE.key}/early"
        )
        whole = request(b"", line=f"{path} HTTP/1.1")
    first = whole.index(b"\r\n\r\n") + 8
    for at, length, instead in changes:
        if instead.endswith(b"\r\n"):  # a whole line: another field
            lines = [found.end() for found in re.finditer(rb"\r\n", whole[: first - 6])]
            place, length = lines[at % len(lines)] if lines else 0, 0
        else:
            place = at % min(len(whole), first)
        whole = whole[:place] + instead + whole[place + length :]
    return whole


def http_alike(pair: Pair, requests: list[tuple[str, list[tuple[int, int, bytes]]]]) -> None:
    data = b"".join(made(*one) for one in requests)
    # A length that has changed may take so much more for its body.
    if re.search(rb"(?i)content-length:[^\r\n]*\d{5}|\r\n[0-9a-f]{5,}", data) is None:
        same(pair, data + LARGE_SENTINEL)


@given(st.lists(REQUEST, min_size=1, max_size=3))
@QUICK
def test_any_http_is_answered_alike(pair: Pair, requests: Any) -> None:
    """Requests with changes anywhere in their heads, one behind the other: the same statuses, none of them 5xx."""
    http_alike(pair, requests)


@pytest.mark.long
@given(st.lists(REQUEST, min_size=1, max_size=3))
@LONG
def test_any_http_is_answered_alike_for_long(pair: Pair, requests: Any) -> None:
    """The same, thousands of times."""
    http_alike(pair, requests)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from([2**63, -(2**63) - 1, 1e308, "\ud800", "../..", "\0", "4111 1111 1111 1111"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
HEAD = st.dictionaries(
    st.sampled_from([*head(), "visitor", "identity", "assets"]), JSON, max_size=3
)
FRAME = st.tuples(HEAD, st.booleans(), st.lists(CHANGE, max_size=2), st.binary(max_size=40))


def frames_alike(pair: Pair, frame: tuple[dict[str, Any], bool, Any, bytes]) -> None:
    changes, gzipped, spoilt, chunk = frame
    raw = json.dumps({**head(next(numbers)), **changes}).encode()
    data = body(raw, chunk, gzip_head=gzipped)
    for at, length, instead in spoilt:
        place = at % (len(data) + 1)
        data = data[:place] + instead + data[place + length :]

    statuses = same(pair, request(data) + SENTINEL)
    assert 1 == len(statuses)
    assert statuses[0] in {"200", "400", "403", "409", "413"}


@given(FRAME)
@QUICK
def test_any_frame_is_answered_alike(pair: Pair, frame: Any) -> None:
    """Frames and heads with anything in them: one answer, the same, none of them 5xx; the connection goes on."""
    frames_alike(pair, frame)


@pytest.mark.long
@given(FRAME)
@LONG
def test_any_frame_is_answered_alike_for_long(pair: Pair, frame: Any) -> None:
    """The same, thousands of times."""
    frames_alike(pair, frame)
