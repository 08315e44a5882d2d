"""Style sheets, fonts and pictures, kept once per site: what is taken, named and refused."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

import pytest

from collector.assets import MAX_ASSET_BYTES, MOST_NAMED
from collector.sheets import MAX_CHUNK_BYTES, wanted_sheets
from core.model import NewAsset
from tests.collector.conftest import Start
from tests.collector.support import COOKIELESS, ORIGIN, SITE, Collector, body, head
from tests.core.support import NOON
from tests.e2e.support import eventually

SHEET = "a{color:red}" * 100
FONT = b"wOF2" + bytes(100)
OTHER_ORIGIN = {"Origin": "https://evil.example"}


@pytest.fixture
def route() -> str:
    """Return who reads plain batches: what this module asks for goes on to aiohttp either way."""
    return "own"


def hash_of(content: str | bytes) -> str:
    """Return the name under which *content* is kept."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[
        :32
    ]


def snapshot(*sheets: object) -> dict[str, Any]:
    """Return a full snapshot whose links hold *sheets*."""
    links = [
        {"type": 2, "id": n, "tagName": "link", "attributes": {"_cssText": css}, "childNodes": []}
        for n, css in enumerate(sheets)
    ]
    return {"type": 2, "timestamp": 1, "data": {"node": {"type": 0, "childNodes": links}}}


def chunk(*events: object) -> bytes:
    """Return *events* as a chunk."""
    return gzip.compress(json.dumps(events).encode())


def sending(sheets: list[str], raw: bytes, seq: int = 0, **assets: list[str]) -> bytes:
    """Return a batch whose chunk *raw* is said to hold *sheets*."""
    told = {"used": [], "sent": [hash_of(sheet) for sheet in sheets], **assets}
    return body(head(seq=seq, assets=told), raw, chunk_encoding=1)


async def kept(collector: Collector, *contents: str | bytes) -> None:
    """Wait until *contents* are kept."""
    names = {hash_of(content) for content in contents}

    async def there() -> bool:
        return names == await collector.store.stored_assets(SITE.key, list(names))

    await eventually(there, every_s=0.01)


async def test_a_sheet_sent_in_full_is_kept_and_named(collector: Collector) -> None:
    """The first visitor's becomes known: later answers and the configuration name its hash."""
    first = await collector.post(sending([SHEET], chunk(snapshot(SHEET))))
    assert "assets" not in await first.json()
    await kept(collector, SHEET)
    second = await collector.post(sending([SHEET], chunk(snapshot(SHEET)), seq=1))
    collector.clock.advance(5_000)
    config = await (await collector.client.get(f"/s/{SITE.key}.json")).json()
    other = await (await collector.client.get(f"/s/{COOKIELESS.key}.json")).json()

    assert [hash_of(SHEET)] == (await second.json())["assets"]
    assert [hash_of(SHEET)] == config["assets"]
    assert "assets" not in other


async def test_the_collector_hashes_for_itself(collector: Collector) -> None:
    """A hash that the head claims for another text is not stored: nobody poisons a sheet."""
    claimed = hash_of("b{color:blue}" * 100)
    await collector.post(sending([SHEET], chunk(snapshot(SHEET)), sent=[claimed, hash_of(SHEET)]))
    await kept(collector, SHEET)

    assert set() == await collector.store.stored_assets(SITE.key, [claimed])


@pytest.mark.parametrize(
    "event",
    [
        snapshot(SHEET),
        {"type": 3, "data": {"source": 0, "texts": [{"id": 1, "value": SHEET}]}},
        {"type": 3, "data": {"source": 0, "attributes": [{"attributes": {"_cssText": SHEET}}]}},
        {"type": 3, "data": {"source": 0, "adds": [{"node": {"tagName": "style", "childNodes": [{"textContent": SHEET}]}}]}},
        {"type": 3, "data": {"source": 8, "adds": [{"rule": SHEET}]}},
        {"type": 3, "data": {"source": 8, "replaceSync": SHEET}},
        {"type": 3, "data": {"source": 15, "styles": [{"rules": [{"rule": SHEET}]}]}},
    ],
    ids=["link", "text", "attribute", "style", "rule", "replace", "adopted"],
)  # fmt: skip
def test_sheets_are_found_wherever_they_stand(event: dict[str, Any]) -> None:
    """Each place of a style text in rrweb's events is known."""
    found = wanted_sheets(chunk(event), 1, {hash_of(SHEET)})

    assert {hash_of(SHEET): SHEET.encode()} == found


@pytest.mark.parametrize(
    "raw",
    [
        b"no gzip",
        gzip.compress(b" " * (MAX_CHUNK_BYTES + 1)),
        gzip.compress(b"[" + b"0," * 1_000_001 + b"0]"),
        gzip.compress(b"[" * 5000 + b"]" * 5000),
        chunk({"type": 2, "data": {"node": {"childNodes": "no list", "attributes": 1}}}, 7, None),
        chunk(snapshot(7, None, [SHEET], {"sha256": hash_of(SHEET)})),
        chunk(snapshot(SHEET[:990], SHEET + " " * 1_000_000)),
    ],
    ids=["bytes", "bomb", "values", "deep", "shape", "types", "sizes"],
)
def test_hostile_chunks_hold_no_sheets(raw: bytes) -> None:
    """What cannot be read within bounds, or is no style text of a fit size, is passed over."""
    names = {hash_of(text) for text in (SHEET, SHEET[:990], SHEET + " " * 1_000_000)}

    assert {} == wanted_sheets(raw, 1, names)


async def test_what_a_session_needs_is_noted_with_its_batch(collector: Collector) -> None:
    """Hashes that stand for texts count as uses; what is no hash is left out."""
    for name, text in (("one", SHEET), ("two", SHEET + "b{}")):
        await collector.store.put_asset(
            NewAsset(SITE.key, "sheet", name, text.encode(), NOON, 10_000)
        )
    used = [hash_of(SHEET + "b{}"), "../../x", 7, "F" * 32]
    await collector.post(sending([], chunk(snapshot()), used=used))  # type: ignore[arg-type] -- hostile

    assert used[0] == (await collector.store.most_used_assets(SITE.key, 1))[0]


async def test_few_hashes_are_named(collector: Collector) -> None:
    """The configuration stays small, however many sheets a site has."""
    for n in range(MOST_NAMED + 5):
        new = NewAsset(SITE.key, "sheet", "text/css", f"a{n}".encode(), NOON, 10_000)
        await collector.store.put_asset(new)
    config = await (await collector.client.get(f"/s/{SITE.key}.json")).json()

    assert MOST_NAMED == len(config["assets"])


async def handed_in(collector: Collector, content: bytes, query: str, **headers: str) -> Any:
    """Hand *content* in as a page does; return status and what was answered."""
    answer = await collector.client.post(
        f"/i/{SITE.key}/asset{query}", data=content, headers={"Origin": ORIGIN, **headers}
    )
    return answer.status, await answer.json()


async def test_a_font_is_kept_and_found_by_its_hash(collector: Collector) -> None:
    """A page asks for a hash, hands the font in, and the next page need not."""
    address = f"/i/{SITE.key}/asset/{hash_of(FONT)}"
    before = await collector.client.get(address, headers={"Origin": ORIGIN})
    status, said = await handed_in(collector, FONT, "?kind=font")
    after = await collector.client.get(address, headers={"Origin": ORIGIN})
    found = await collector.store.asset(SITE.key, hash_of(FONT))

    assert {"ok": True, "stored": False} == await before.json()
    assert "no-store" == before.headers["Cache-Control"]
    assert (200, {"ok": True, "asset": hash_of(FONT)}) == (status, said)
    assert {"ok": True, "stored": True} == await after.json()
    assert "private, max-age=86400" == after.headers["Cache-Control"]
    assert found is not None
    assert ("font", "font/woff2", FONT) == (found.kind, found.media, found.content)


@pytest.mark.parametrize(
    ("content", "query", "expected"),
    [
        (FONT, "", (400, "bad_asset")),
        (FONT, "?kind=sheet", (400, "bad_asset")),
        (b"<html><script>", "?kind=font", (400, "bad_asset")),
        (b"", "?kind=font", (400, "bad_asset")),
        (b"\x89PNG\r\n\x1a\n", "?kind=image", (400, "bad_asset")),  # images=allow keeps none
        (FONT + bytes(MAX_ASSET_BYTES), "?kind=font", (413, "too_large")),
    ],
    ids=["no kind", "sheet", "page", "empty", "image", "large"],
)
async def test_what_is_no_font_is_refused(
    collector: Collector, content: bytes, query: str, expected: tuple[int, str]
) -> None:
    """Only what shows to be of an allowed kind is kept, up to its size; nothing is left behind."""
    status, said = await handed_in(collector, content, query)

    assert expected == (status, said["code"])
    assert 0 == (await collector.store.asset_usage(SITE.key)).count


async def test_strangers_hand_nothing_in(collector: Collector) -> None:
    """A foreign origin and an unknown site are refused, and one address is bounded."""
    status, said = await handed_in(collector, FONT, "?kind=font", **OTHER_ORIGIN)
    unknown = await collector.client.post("/i/nosite/asset?kind=font", data=FONT)
    odd = await collector.client.get(f"/i/{SITE.key}/asset/..%2F..%2Fstolper.db")
    for _ in range(60):
        await handed_in(collector, FONT, "?kind=font")
    flooded, _ = await handed_in(collector, FONT, "?kind=font")

    assert (403, "origin") == (status, said["code"])
    assert 404 == unknown.status == odd.status
    assert 429 == flooded


async def test_a_full_quota_leaves_sheets_inline(start: Start) -> None:
    """What does not fit is not named, is counted, and batches are stored as ever."""
    collector = await start()
    options = SITE.options.changed(["assets_mb=1"])
    await collector.store.set_site_options(SITE.key, options)
    filler = NewAsset(SITE.key, "font", "font/woff2", bytes(999_900), NOON, 10**9)
    await collector.store.put_asset(filler)
    answer = await collector.post(sending([SHEET], chunk(snapshot(SHEET))))

    async def full() -> object:
        return (await collector.store.asset_usage(SITE.key)).full_ms

    await eventually(full, every_s=0.01)
    again = await collector.post(sending([SHEET], chunk(snapshot(SHEET)), seq=1))
    status, said = await handed_in(collector, FONT, "?kind=font")

    assert "stored" == (await answer.json())["status"]
    assert "assets" not in await again.json()
    assert (200, {"ok": True, "asset": None}) == (status, said)
