"""Attacks inside of batches and assets: bombs, frames that lie, heads, ids, secrets, origins."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

from core.wire import GZIP
from tests.collector.support import COOKIELESS, ORIGIN, SITE, body, click, head, session_id
from tests.collector.test_assets import FONT, hash_of, sending, snapshot
from tests.e2e.strangers.attack import Attack, sent
from tests.e2e.strangers.victim import LONGEST_S, Stranger, request
from tests.e2e.support import eventually


def bomb(megabytes: int, of: bytes = b" ") -> bytes:
    """Return gzip of *megabytes* of the same byte: a thousandth of that."""
    deflater = zlib.compressobj(6, wbits=31)
    block = of * (1 << 20)
    return b"".join([*(deflater.compress(block) for _ in range(megabytes)), deflater.flush()])


def framed(head_bytes: bytes, **bits: int) -> bytes:
    """Return a batch whose head is *head_bytes* as they are, with other *bits* in the frame."""
    made = bytearray(body(b"{}"))[:12] + head_bytes
    made[8:12] = bits.pop("length", len(head_bytes)).to_bytes(4, "big")
    for name, place in {"version": 0, "head": 1, "chunk": 2, "zero": 3}.items():
        made[place] = bits.get(name, made[place])
    return bytes(made)


def headed(name: str, expected: str, counted: str | None, **changes: Any) -> Attack:
    return sent(name, request(body(head(700, **changes))), expected, counted)


BOMB = bomb(64)
OPEN = bomb(64, b"[")
FRAMES: list[Attack] = [
    sent("gzip bomb in the head (64 MB)", request(framed(BOMB, head=1)), "400 bad_frame", "refused bad_frame"),
    sent("gzip that is cut off", request(framed(gzip.compress(b"{}")[:-3], head=1)), "400 bad_frame", "refused bad_frame"),
    sent("head longer than the body", request(framed(b"{}", length=2**32 - 1)), "400 bad_frame", "refused bad_frame"),
    sent("unknown encoding", request(framed(b"{}", chunk=7)), "400 bad_frame", "refused bad_frame"),
    sent("version of tomorrow", request(framed(b"{}", version=2)), "400 bad_version", "refused bad_version"),
    sent("empty body", request(b""), "400 bad_frame", "refused bad_frame"),
]  # fmt: skip

HEAD_BYTES: dict[str, bytes] = {
    "JSON 500,000 levels deep": b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "JSON 500,000 levels deep, half a character": b'{"b":"\\ud800","a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a number of 10,000 digits": b'{"seq":' + b"9" * 10_000 + b"}",
    "NaN": b'{"seq":NaN}',
    "no UTF-8": b'{"session":"\xff"}',
}  # fmt: skip
JSON: list[Attack] = [
    *(sent(f"head: {n}", request(body(b)), "400 bad_head", "refused bad_head") for n, b in HEAD_BYTES.items()),
    sent("head: 330,000 values", request(body(b'{"a":[' + b"[]," * 330_000 + b"[]]}", gzip_head=True)), "413 too_large", "refused too_large"),
    headed("2,001 events", "413 too_large", "refused too_large", events=[click(i) for i in range(2001)]),
    *(
        headed(f"session {shown}", "400 bad_head", "refused bad_head", session=given)
        for shown, given in {
            "../../stolper": "../../stolper", "with NUL": session_id(1)[:-1] + "\0", "ü": "ü" * 36,
            "of 100,000 characters": "a" * 100_000, "in capitals": session_id(1).upper().replace("1", "A"),
            "' OR 1=1": "' OR 1=1 --", "that is a list": [session_id(1)],
        }.items()
    ),
    *(
        headed(f"{name} {shown}", "400 bad_head", "refused bad_head", **{name: given})
        for name in ("page_load", "tab", "secret", "visitor")
        for shown, given in {"../../../etc/passwd": "../../../etc/passwd", "with NUL": "a" * 21 + "\0"}.items()
    ),
    headed("number of a batch below 0", "400 bad_head", "refused bad_head", seq=-1),
    headed("number of a batch 2^63", "400 bad_head", "refused bad_head", seq=2**63),
    headed("times of 10^300", "200 stored", "dropped events", seq=1, events=[click(0, 1e300)]),
    headed("events of no type, fields of ours", "200 stored", "dropped fields", seq=2, events=[click(1, ts=1, session="x", __proto__={"a": 1})]),
]  # fmt: skip


def after_first(n: int, data: bytes, key: str = SITE.key) -> Callable[[Stranger], Any]:
    """Return an attack on a session that somebody else's page has begun."""

    async def run(them: Stranger) -> str:
        visitor = them.victim.stranger()
        assert (await visitor.ask(request(body(head(n))))).startswith("200")
        await visitor.leave()
        return await them.ask(request(data, line=f"POST /i/{key} HTTP/1.1"))

    return run


SECRETS: list[Attack] = [
    Attack("another secret", after_first(801, body(head(801, seq=1, secret="x" * 22))), "403 forbidden", "refused forbidden"),
    Attack("batch of yesterday, sent again", after_first(802, body(head(802))), "200 duplicate", None),
    Attack("its number, with other content", after_first(803, body(head(803, events=[]))), "409 conflict", "refused conflict"),
    Attack("session of A with the key of B", after_first(804, body(head(804, seq=1)), COOKIELESS.key), "403 forbidden", "refused forbidden"),
    headed("name of a customer, signature made up", "200 stored", None, seq=3, identity={"id": "42", "signature": "0" * 64}),
]  # fmt: skip

ORIGINS: list[Attack] = [
    sent(f"origin {origin or 'empty'}", request(b"", origin=origin), "403 origin", "refused origin")
    for origin in (
        "null", "", "https://shop.example.evil.test", "https://evilshop.example", "http://shop.example",
        "https://shop.example:444", "https://shop.example@evil.test", "https://shop.example/",
    )
]  # fmt: skip
ORIGINS.append(
    sent("preflight of another origin",
         request(b"", line=f"OPTIONS /i/{SITE.key} HTTP/1.1", origin="https://evil.test"), "204", None)
)  # fmt: skip


async def recorded_bomb(them: Stranger) -> str:
    """Send a recording that inflates to 64 MB, and look at it as an analyst does."""
    made = body(head(901), OPEN, chunk_encoding=GZIP)
    answer = await them.ask(request(made))
    status, said = await them.victim.asked(f"/sessions/{session_id(901)}/recording")
    return f"{answer}; replay {status}, {json.loads(said)[0]['events']} of it"


async def sheet_bomb(them: Stranger) -> str:
    """Say that a style sheet is in a recording that inflates to 64 MB; then send one that is."""
    sheet = "a{color:red}" * 100
    told = {"used": [], "sent": [hash_of(sheet)]}
    made = body(head(902, assets=told), OPEN, chunk_encoding=GZIP)
    answer = await them.ask(request(made))
    kept = (await them.victim.counts())["assets kept"]
    good = sending([sheet], gzip.compress(json.dumps([snapshot(sheet)]).encode()))
    good = good.replace(session_id(1).encode(), session_id(903).encode())
    assert (await them.ask(request(good))).startswith("200")

    async def found() -> bool:
        return kept + 1 == (await them.victim.counts())["assets kept"]

    await eventually(found, every_s=0.05, within_s=LONGEST_S)
    return answer


def asset(data: bytes, *fields: str, query: str = "kind=font", origin: str = ORIGIN) -> bytes:
    line = f"POST /i/{SITE.key}/asset?{query} HTTP/1.1"
    return request(data, *fields, line=line, origin=origin)


BOMBS: list[Attack] = [
    Attack("gzip bomb in the recording (64 MB)", recorded_bomb, "200 stored; replay 200, [] of it", None),
    Attack("gzip bomb for a style sheet (64 MB)", sheet_bomb, "200 stored", "assets kept"),
    sent("body as a gzip bomb (64 MB)", request(BOMB, "Content-Encoding: gzip"), "400 bad_version", "refused bad_version"),
    sent("asset as a gzip bomb (64 MB)", asset(BOMB, "Content-Encoding: gzip"), "400 bad_asset", "refused bad_asset"),
    sent("asset of a type that it is not", asset(b"<script>alert(1)</script>"), "400 bad_asset", "refused bad_asset"),
    sent("asset of another origin", asset(FONT, origin="https://evil.test"), "403 origin", "refused origin"),
    sent("asset too large", asset(FONT + bytes(500_001)), "413 too_large", "refused too_large"),
]  # fmt: skip
