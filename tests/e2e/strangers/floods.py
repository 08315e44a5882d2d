"""Attacks by number and by time: floods, guessing, slowness, connections."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

from collector import limits
from tests.collector.support import SITE, body, head
from tests.e2e.strangers.attack import Attack
from tests.e2e.strangers.batches import asset
from tests.e2e.strangers.serve import FILES, HALF_BYTES
from tests.e2e.strangers.victim import LONGEST_S, Stranger, ended, request, told
from tests.e2e.support import eventually

LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def many(them: Stranger, *requests: bytes) -> str:
    """Send *requests* by one connection; return how many answers of each status came."""
    reader, writer = await them.connect()
    reading = asyncio.create_task(ended(reader))
    for data in requests:
        writer.write(data)
        await writer.drain()
    writer.write(LAST)
    found = Counter(re.findall(rb"HTTP/1\.1 (\d+) ", await reading))
    found[b"200"] -= 1  # the last
    return ", ".join(sorted(f"{code.decode()}" for code, count in found.items() if count > 0))


async def batches(them: Stranger) -> str:
    """Send more in a moment than an office does."""
    return await many(them, *[request(b"")] * 1000)


async def addressed(them: Stranger) -> str:
    """Name another address with each request, as a client that a proxy has forwarded."""
    made = [request(b"", f"X-Forwarded-For: 192.0.2.{n % 250}") for n in range(1000)]
    return await many(them, *made)


async def sessions(them: Stranger) -> str:
    """Begin sessions; serve.py's settings let 30 a minute begin from one address."""
    return await many(them, *(request(body(head(2000 + n))) for n in range(60)))


async def guessing(them: Stranger) -> str:
    """Try keys."""
    count = limits.MISSES_PER_MIN + 20
    return await many(
        them, *(request(b"", line=f"POST /i/guess{n} HTTP/1.1") for n in range(count))
    )


async def loaders(them: Stranger) -> str:
    """Try keys by the script's address."""
    count = limits.MISSES_PER_MIN + 20
    return await many(
        them, *(request(b"", line=f"GET /s/guess{n}.js HTTP/1.1") for n in range(count))
    )


async def leaving(them: Stranger) -> str:
    """Make the number of pages left early grow."""
    line = f"POST /i/{SITE.key}/early HTTP/1.1"
    return await many(them, *[request(b"", line=line)] * (limits.EARLY_PER_MIN + 20))


async def probing(them: Stranger) -> str:
    """Have bodies measured that are as large as they may be."""
    line = f"POST /i/{SITE.key}/probe HTTP/1.1"
    made = request(bytes(100_000), line=line)
    return await many(them, *[made] * (limits.PROBES_PER_MIN + 20))


async def filling(them: Stranger) -> str:
    """Hand in fonts until no more is kept, then see whether somebody else's is."""
    fonts = [b"wOF2" + bytes([n]) * 490_000 for n in range(45)]
    answers = await many(them, *map(asset, fonts))
    other = them.victim.stranger()
    theirs = await other.ask(asset(b"wOF2" + b"other" * 100))
    await other.leave()
    return f"{answers}; others {theirs}"


FLOODS: list[Attack] = [
    Attack("1,000 batches at once", batches, "400, 429", "refused rate"),
    Attack("1,000 batches, forged X-Forwarded-For", addressed, "400, 429", "refused rate"),
    Attack("60 sessions at once, 30 a minute set", sessions, "200, 429", "refused rate"),
    Attack("140 keys guessed by batches", guessing, "404, 429", "refused rate"),
    Attack("140 keys guessed by scripts", loaders, "404, 429", "refused rate"),
    Attack("80 pages left early", leaving, "204, 429", "refused rate"),
    Attack("80 probes of 100 KB", probing, "200, 429", "refused rate"),
    Attack("22 MB of fonts", filling, "200; others 200", "assets beyond_share"),
]


async def idle(them: Stranger) -> str:
    """Open connections and say nothing."""
    reader, _ = await them.connect()
    return told(await ended(reader))


async def half_head(them: Stranger) -> str:
    """Send half a head."""
    return await them.wait(request(b"")[:100])


async def trickling_head(them: Stranger) -> str:
    """Send a head byte by byte."""
    reader, writer = await them.connect()
    reading = asyncio.create_task(ended(reader))
    for byte in request(b"", "X-A: " + "a" * 5000):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
        if reading.done():
            break
    return told(await reading)


async def half_body(them: Stranger) -> str:
    """Announce more than is sent."""
    return await them.wait(request(body(head(3000)))[:-1])


async def trickling_body(them: Stranger) -> str:
    """Send a body byte by byte."""
    reader, writer = await them.connect()
    reading = asyncio.create_task(ended(reader))
    data = request(body(head(3001), b"x" * 10_000))
    writer.write(data[:600])
    for byte in data[600:]:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
        if reading.done():
            break
    return told(await reading)


async def too_large(them: Stranger) -> str:
    """Announce a body that is too large."""
    data = request(body()).replace(b"Length: ", b"Length: 9999")
    return await them.wait(data)


async def not_reading(them: Stranger) -> str:
    """Ask for the recorder again and again, and read no answer."""
    _, writer = await them.connect()
    writer.transport.pause_reading()
    line = f"GET /s/{them.victim.recorder} HTTP/1.1"
    writer.write(request(b"", line=line) * 400)
    before = (await them.victim.counts())["ended slow_answer"]

    async def cut_off() -> bool:
        return (await them.victim.counts())["ended slow_answer"] > before

    await eventually(cut_off, every_s=0.2, within_s=LONGEST_S)
    return "closed"


SLOW: list[Attack] = [
    Attack("connection that says nothing", idle, "closed", None),
    Attack("half a head", half_head, "closed", (None, "ended slow_head")),
    Attack("head byte by byte", trickling_head, "closed", (None, "ended slow_head")),
    Attack("half a body", half_body, "503 slow, closed", "refused slow"),
    Attack("body byte by byte", trickling_body, "503 slow, closed", "refused slow"),
    Attack("length beyond the largest batch", too_large, "413 too_large, closed", "refused too_large"),
    Attack("answers that are not read", not_reading, "closed", "ended slow_answer"),
]  # fmt: skip


async def crowd(them: Stranger) -> str:
    """Open more connections than there are files."""
    for _ in range(FILES + 200):
        await them.connect()
    other = them.victim.stranger()
    theirs = await other.ask(request(body(head(3100))))
    await other.leave()
    return f"others {theirs}"


async def half_bodies(them: Stranger) -> str:
    """Begin so many large bodies that they would take more memory than is given to them."""
    large = 4 << 20
    count = 2 * HALF_BYTES // large + 8
    start = request(b"x" * large)[: large - 100_000]

    async def one() -> str:
        reader, writer = await them.connect()
        reading = asyncio.create_task(ended(reader))
        try:
            writer.write(start)
            await writer.drain()
        except ConnectionError:
            pass
        return told(await reading).split(",")[0]

    found = Counter(await asyncio.gather(*(one() for _ in range(count))))
    return ", ".join(sorted(answer for answer in found if answer != "closed"))


CROWDS: list[Attack] = [
    Attack(f"{FILES + 200} connections", crowd, "others 200 stored", "ended evicted"),
    Attack("24 bodies of 4 MB that do not end", half_bodies, "503 busy, 503 slow", "refused busy"),
]  # fmt: skip
