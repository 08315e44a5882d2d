"""What is counted for recording health, and the switch that stops a site."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from collector import canary
from collector.app import TALLY
from collector.probe import SERVER_ID
from collector.tally import MOST_DETAILS, OTHERS
from core.health import SiteHealth, findings
from core.store import Store
from tests.collector.support import FIREFOX, ORIGIN, SITE, Collector, body, head, session_id
from tests.core.support import NOON, ManualClock


async def health(collector: Collector) -> SiteHealth:
    """Return what was counted for the site, once it is written down."""
    await collector.client.app[TALLY].flush()
    return await collector.store.health(SITE.key, NOON - 1)


def codes(health: SiteHealth, *, enabled: bool = True) -> list[str]:
    return [finding.code for finding in findings(health, enabled=enabled)]


async def load(collector: Collector, times: int = 1) -> None:
    for _ in range(times):
        async with collector.client.get(f"/s/{SITE.key}.js") as answer:
            assert answer.status == 200


async def test_what_arrives_is_counted(collector: Collector) -> None:
    """Loaders, batches, duplicates, versions and own errors are counted, with their time."""
    await load(collector, 2)
    failing = {"version": "0.1.0", "errors": 3, "failed": {"press": 2, "dom": 1}}
    for data in (body(), body(), body(head(seq=1, snippet=failing))):
        await collector.post(data)
    counted = await health(collector)

    assert {"loader": 2, "batch": 3, "version": 2, "own_error": 3} == {
        what: counted.total(what) for what in counted.counts
    }
    assert {"stored": 2, "duplicate": 1} == {one.detail: one.count for one in counted.of("batch")}
    assert {"press": 2, "dom": 1} == {one.detail: one.count for one in counted.of("own_error")}
    assert ["0.1.0"] == [one.detail for one in counted.of("version")]
    assert collector.clock.now_ms() == counted.last_ms("batch")
    assert ["own_errors"] == codes(counted)


async def test_a_policy_that_forbids_sending_is_named_by_what_did_arrive(
    collector: Collector,
) -> None:
    """Loaders without any batch are the mark of a page whose policy lacks connect-src."""
    assert ["no_loader"] == codes(await health(collector))
    await load(collector, 5)
    counted = await health(collector)

    assert ["no_batches"] == codes(counted)
    assert 5 == findings(counted, enabled=True)[0].count


async def test_batches_that_stop_while_pages_are_seen_are_named(collector: Collector) -> None:
    """A site that once arrived and whose loaders are still fetched has fallen silent."""
    await load(collector)
    await collector.post()
    assert [] == codes(await health(collector))
    collector.clock.advance(3_600_000)
    await load(collector)

    assert ["silent"] == codes(await health(collector))


async def test_refused_origins_are_named(collector: Collector) -> None:
    """An origin that is none of the site's is counted by name; its batch is refused."""
    await collector.refused(body(), Origin="https://other.example")
    counted = await health(collector)

    assert ["https://other.example"] == [one.detail for one in counted.of("origin")]
    assert {"origin": 1} == {one.detail: one.count for one in counted.of("refused")}
    assert "origin" in codes(counted)


async def test_made_up_details_are_bounded(collector: Collector) -> None:
    """Anybody can invent origins: the first hundred of a day are told apart, the rest together."""
    for number in range(MOST_DETAILS + 5):
        await collector.refused(body(), Origin=f"https://o{number}.example")
    origins = (await health(collector)).of("origin")

    assert MOST_DETAILS + 1 == len(origins)
    assert 5 == next(one.count for one in origins if one.detail == OTHERS)


async def test_counts_outlive_the_process(collector: Collector, store: Store) -> None:
    """What was counted is written down at the end, and added to what was there."""
    await collector.post()
    await health(collector)
    await collector.post(body(head(seq=1)))
    await collector.client.close()

    assert 2 == (await store.health(SITE.key, NOON - 1)).total("batch")


async def test_a_page_left_before_its_recorder_is_counted(collector: Collector) -> None:
    """The loader tells of it in a request without content; other origins may not."""
    for origin, status in ((ORIGIN, 204), ("https://other.example", 403)):
        async with collector.client.post(
            f"/i/{SITE.key}/early", headers={"Origin": origin}
        ) as answer:
            assert status == answer.status

    assert 1 == (await health(collector)).total("early")


async def switch(store: Store, *, enabled: bool) -> None:
    await store.set_site_options(SITE.key, dataclasses.replace(SITE.options, enabled=enabled))


async def test_a_site_that_is_off_takes_nothing(
    collector: Collector, store: Store, clock: ManualClock
) -> None:
    """Running recorders are told at their next batch, new pages by the loader; then it goes on."""
    await collector.post()
    await switch(store, enabled=False)
    clock.advance(2000)

    assert (403, "off") == await collector.refused(body(head(seq=1)))
    async with collector.client.get(f"/s/{SITE.key}.js") as answer:
        assert '"enabled":false' in await answer.text()
        assert "max-age=300" in answer.headers["Cache-Control"]
    counted = await health(collector)
    assert ["off"] == codes(counted, enabled=False)
    assert 1 == counted.total("loader_off")

    await switch(store, enabled=True)
    clock.advance(2000)
    assert 200 == (await collector.post(body(head(seq=1)))).status


@pytest.mark.parametrize(
    "told",
    [None, [], {"version": 1}, {"failed": {"Not A Place": 1, "dom": "x", "press": -1}}, {"failed": 3}],
)  # fmt: skip
async def test_what_a_stranger_says_of_the_snippet_is_checked(
    collector: Collector, told: object
) -> None:
    """Versions and places that are none are not counted under their name."""
    made = head()
    made["snippet"] = told
    answer = await collector.post(body(made))
    counted = await health(collector)

    assert answer.status in (200, 400)
    assert () == counted.of("own_error")
    assert {"?"} >= {one.detail for one in counted.of("version")}


async def test_a_marked_test_is_counted_nowhere(
    collector: Collector, store: Store, clock: ManualClock
) -> None:
    """Loader, batch and refusal of a genuine mark leave no count; its session is a test."""
    agent = f"{FIREFOX} {canary.mark(await store.server_key(canary.KEY), clock.now_ms())}"
    async with collector.client.get(f"/s/{SITE.key}.js", headers={"User-Agent": agent}) as answer:
        assert 200 == answer.status
    await collector.post(**{"User-Agent": agent})
    await collector.refused(body(), Origin="https://other.example", **{"User-Agent": agent})
    counted = await health(collector)
    session = await store.session(session_id())

    assert ({}, 0) == (counted.counts, counted.sessions)
    assert session is not None
    assert session.canary
    assert "bot" not in session.attributes


@pytest.mark.parametrize(("later_ms", "spoil"), [(2 * 3_600_000, ""), (-1000, ""), (0, "0")])
async def test_a_mark_that_is_old_or_made_up_is_a_visit(
    collector: Collector, store: Store, clock: ManualClock, later_ms: int, spoil: str
) -> None:
    """A mark is good for an hour and needs the server's signature: else the session is listed."""
    mark = canary.mark(await store.server_key(canary.KEY), clock.now_ms())
    clock.advance(later_ms)
    await collector.post(**{"User-Agent": f"{FIREFOX} {mark[: len(mark) - len(spoil)]}{spoil}"})
    session = await store.session(session_id())

    assert session is not None
    assert (bool(spoil) and mark.endswith("0")) == session.canary


async def test_an_unknown_key_is_counted_with_the_page_that_has_it(
    collector: Collector, store: Store
) -> None:
    """A loader that no site has: the origin of the page and the key are told to that site alone."""
    for referer in (f"{ORIGIN}/checkout?x=1", "https://other.example/"):
        async with collector.client.get("/s/sgone.js", headers={"Referer": referer}) as answer:
            assert 404 == answer.status
    counted = await health(collector)

    assert {f"{ORIGIN} sgone", "https://other.example sgone"} == {
        one.detail for one in counted.unknown_keys
    }
    (wrong,) = [f for f in findings(counted, enabled=True, origins=SITE.origins)
                if f.code == "wrong_key"]  # fmt: skip
    assert (("sgone",), 1, True) == (wrong.names, wrong.count, wrong.severe)


async def test_what_arrives_of_a_body_is_told(collector: Collector) -> None:
    """The probe answers with size, hash and who it is, and keeps nothing."""
    sent = bytes(range(256)) * 8
    async with collector.client.post(f"/i/{SITE.key}/probe", data=sent) as answer:
        told = await answer.json()

    assert (len(sent), hashlib.sha256(sent).hexdigest(), "no") == (
        told["bytes"], told["sha256"], told["forwarded"],
    )  # fmt: skip
    assert collector.client.app[SERVER_ID] == told["server"]
    assert {} == (await health(collector)).counts
