"""The contract of core/alerts.py on every implementation: alerts, what they count, what waits to be sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.alerts import (
    DAY_MS,
    HOUR_MS,
    Alert,
    AlertState,
    Counted,
    Delivery,
    Firing,
    FlagFilter,
    Returned,
    Span,
    delivery_id,
)
from core.health import HealthCount
from core.model import Verdicts
from core.store import Store
from core.triage import TriageChange
from tests.core.conftest import Make
from tests.core.support import NOON, SITE, ManualClock, batch, flag, stored

ALERT = Alert(id="a1", kind="count", name="Pay", to=("hook", "team"), threshold=2, changed_ms=NOON)
FACTS = {"sessions": 3, "from": NOON, "until": NOON + HOUR_MS}


async def visit(store: Store, number: int, at_ms: float, **changes: object) -> None:
    """Store session s*number* with a flag."""
    name = f"s{number}"
    await store.append(batch(name))
    made = flag(f"f{number}-{at_ms}", name, at_ms=at_ms, **changes)
    await store.commit_verdicts([Verdicts(name, 0, (made,))])


async def test_alerts_come_back_as_they_were(store: Store) -> None:
    """Alerts are listed by name with their states; a change forgets what was told."""
    await store.put_alert(replace(ALERT, id="z", name="Z", rule="rage_click", factor=2.5))
    await store.put_alert(ALERT)
    await store.fire("a1", Firing(NOON + 5, FACTS, ongoing=True, told=("k",)))

    assert [
        AlertState(ALERT, NOON + 5, NOON + 5),
        AlertState(replace(ALERT, id="z", name="Z", rule="rage_click", factor=2.5)),
    ] == await store.alert_states()
    await store.put_alert(replace(ALERT, threshold=9))
    assert AlertState(replace(ALERT, threshold=9)) == (await store.alert_states())[0]


async def test_firing_is_told_once_to_each_destination(store: Store) -> None:
    """An alert that fires leaves one delivery for each destination, and none more until it is settled."""
    await store.put_alert(ALERT)

    assert await store.fire("a1", Firing(NOON + 5, FACTS, ongoing=True))
    assert not await store.fire("a1", Firing(NOON + 6, FACTS, ongoing=True))
    waiting = await store.due_deliveries(NOON + 5, 10)
    assert {"hook", "team"} == {one.destination for one in waiting}
    assert {delivery_id("a1", NOON + 5, name) for name in ALERT.to} == {one.id for one in waiting}
    assert all(one.facts == FACTS and one.name == "Pay" for one in waiting)
    await store.settle("a1")
    assert await store.fire("a1", Firing(NOON + 7, FACTS, ongoing=True))
    assert 4 == len(await store.due_deliveries(NOON + 7, 10))


async def test_what_is_gone_off_or_newer_does_not_fire(store: Store) -> None:
    """An alert that was removed, switched off or changed meanwhile sends nothing."""
    await store.put_alert(replace(ALERT, enabled=False))
    await store.put_alert(replace(ALERT, id="new", changed_ms=NOON + 99))

    assert [False] * 3 == [
        await store.fire(id_, Firing(NOON + 5, FACTS)) for id_ in ("a1", "new", "none")
    ]
    assert [] == await store.due_deliveries(NOON + DAY_MS, 10)


async def test_deliveries_wait_until_they_are_due(
    make_store: Make, tmp_path: Path, clock: ManualClock
) -> None:
    """What was noted of a delivery outlives the process; what is done is due no more, and goes by age."""
    store = make_store(tmp_path / "data", clock)
    await store.open()
    await store.put_alert(ALERT)
    await store.fire("a1", Firing(NOON + 5, FACTS))
    first, second = await store.due_deliveries(NOON + 5, 10)
    later = replace(first, attempts=1, error="the answer was 500", due_ms=NOON + 60_000)
    sent = replace(second, attempts=1, state="sent", done_ms=NOON + 9)
    await store.note_delivery(later)
    await store.note_delivery(sent)
    await store.close()
    store = make_store(tmp_path / "data", clock)
    await store.open()

    assert [] == await store.due_deliveries(NOON + 59_999, 10)
    assert [later] == await store.due_deliveries(NOON + 60_000, 10)
    assert NOON + 60_000 == await store.next_due_ms()
    listed = await store.deliveries(10)
    assert {later.id: later, sent.id: sent} == {one.id: one for one in listed}
    assert listed[1:] == await store.deliveries(10, before=listed[0])
    assert later == await store.delivery(later.id)
    assert 1 == await store.drop_deliveries(NOON + DAY_MS)
    assert [later] == await store.deliveries(10)
    assert await store.remove_alert("a1")
    assert [] == await store.deliveries(10)
    assert not await store.remove_alert("a1")
    await store.close()


async def test_a_delivery_is_added_once(store: Store) -> None:
    """The same delivery again changes nothing."""
    one = Delivery("d", "", "", "test", "hook", "en", {}, NOON, NOON, 1, "sent", "", NOON)
    await store.add_delivery(one)
    await store.add_delivery(replace(one, state="waiting", attempts=0))

    assert [one] == await store.deliveries(10)


async def test_sessions_are_counted_once_by_what_is_asked(store: Store) -> None:
    """Counted are sessions with a flag in the span, by rule, page, severity and site; and just these are listed."""
    await visit(store, 1, NOON + 1, page="/checkout")
    await visit(store, 1, NOON + 2, page="/checkout/pay")
    await visit(store, 2, NOON + 3, page="/cart", rule="dead_click", severity="low")
    await visit(store, 3, NOON - 1)
    await visit(store, 4, NOON + 4, withdrawn="not repeated")
    span = Span(NOON, NOON + 100)
    asked = {
        FlagFilter(): {"s1", "s2"},
        FlagFilter(site=SITE.key): {"s1", "s2"},
        FlagFilter(site="other"): set(),
        FlagFilter(rule="rage_click"): {"s1"},
        FlagFilter(page="/checkout"): {"s1"},
        FlagFilter(page="/checkout/p*"): {"s1"},
        FlagFilter(page="/c*"): {"s1", "s2"},
        FlagFilter(page="/"): set(),
        FlagFilter(severity="medium"): {"s1"},
    }
    for wanted, sessions in asked.items():
        listed = await store.flagged_sessions(wanted, span, 10)

        assert (wanted, sessions) == (wanted, {one.session.id for one in listed})
        assert [len(sessions), 0] == await store.count_flagged(wanted, [span, Span(0, 9)])
    [newest, oldest] = await store.flagged_sessions(FlagFilter(), span, 10)
    assert ("s2", 1, "s1", f"f1-{NOON + 1}", 2) == (
        newest.session.id, newest.flags, oldest.session.id, oldest.flag, oldest.flags,
    )  # fmt: skip
    assert [oldest] == await store.flagged_sessions(FlagFilter(), span, 1, offset=1)


async def test_moments_are_those_that_count(store: Store) -> None:
    """Time and session of each flag that is asked for, by time; with a limit the newest."""
    await visit(store, 1, NOON + 1)
    await visit(store, 1, NOON + 3)
    await visit(store, 2, NOON + 2)
    await visit(store, 3, NOON + 4, rule="dead_click")
    span = Span(NOON, NOON + 100)
    wanted = FlagFilter(rule="rage_click")

    assert [(NOON + 1, "s1"), (NOON + 2, "s2"), (NOON + 3, "s1")] == await store.flag_moments(
        wanted, span, 10
    )
    assert [(NOON + 3, "s1")] == await store.flag_moments(wanted, span, 1)


async def test_struggles_are_counted_beside_the_span_before(store: Store) -> None:
    """Struggles come by sessions in the span, with the sessions of the span before and when they began."""
    await visit(store, 1, NOON - 5)
    await visit(store, 1, NOON + 1)
    await visit(store, 2, NOON + 2)
    await visit(store, 3, NOON + 3, rule="dead_click")
    found = await store.counted_struggles(FlagFilter(), Span(NOON, NOON + 10), 5)

    assert [(2, 1, NOON - 5), (1, 0, NOON + 3)] == [
        (one.sessions, one.before, one.first_ms) for one in found
    ]
    assert found[:1] == await store.counted_struggles(FlagFilter(), Span(NOON, NOON + 10), 1)
    await visit(store, 4, NOON - 6, severity="low")
    await visit(store, 5, NOON - 7, page="/elsewhere")
    severe = FlagFilter(severity="medium", page="/checkout")
    [pay, *_] = await store.counted_struggles(severe, Span(NOON, NOON + 10), 5)
    assert (2, 1) == (pay.sessions, pay.before)  # both count what is asked for


async def test_a_new_struggle_is_told_once(store: Store) -> None:
    """New is what began since the alert was changed, with enough sessions, and was not told."""
    alert = replace(ALERT, kind="new")
    await store.put_alert(alert)
    await visit(store, 1, NOON - 5)
    await visit(store, 2, NOON + 1)  # the same struggle: it was there before
    await visit(store, 3, NOON + 3, rule="dead_click")

    assert [] == await store.new_struggles(alert, 10)
    await visit(store, 4, NOON + 4, rule="dead_click")
    [found] = await store.new_struggles(alert, 10)
    assert Counted(found.key, 2, 0, NOON + 3) == found
    await store.fire("a1", Firing(NOON + 5, {}, told=(found.key,)))
    assert [] == await store.new_struggles(alert, 10)
    assert [found] == await store.new_struggles(replace(alert, id="a2"), 10)


async def test_each_return_of_a_resolved_struggle_is_told_once(store: Store) -> None:
    """By a flag that the alert takes, since it was changed; another return is told again."""
    alert = replace(ALERT, kind="new", page="/checkout")
    await store.put_alert(alert)
    await visit(store, 1, NOON - 9000.0)
    key = (await store.struggles())[0].key

    async def back(number: int, resolved_ms: int) -> list[Returned]:
        await store.set_triage([key], TriageChange("resolved"), who="ann", at_ms=resolved_ms)
        assert [] == await store.returned_struggles(alert, 9)
        await store.append(batch(f"s{number}", origin_ms=resolved_ms + 1.0))
        made = flag(f"f{number}", f"s{number}", at_ms=resolved_ms + 2.0)
        await store.commit_verdicts([Verdicts(f"s{number}", 0, (made,))])
        return await store.returned_struggles(alert, 9)

    [first] = await back(2, NOON)
    await store.fire("a1", Firing(NOON + 5, {}, told=(first.told,)))

    assert Returned(key, NOON + 2) == first
    assert [] == await store.returned_struggles(alert, 9)
    assert [Returned(key, NOON + 102)] == await back(3, NOON + 100)
    assert [] == await store.returned_struggles(replace(alert, page="/other"), 9)
    assert [] == await store.returned_struggles(replace(alert, changed_ms=NOON + 103), 9)


async def test_the_last_arrivals_are_those_of_batches(store: Store) -> None:
    """When batches of a site came last is told by their counts; what was resent or only asked for counts not."""
    day = NOON // DAY_MS
    await store.note(
        [
            HealthCount(SITE.key, day, "batch", "stored", 3, NOON),
            HealthCount(SITE.key, day - 1, "batch", "stored", 9, NOON - DAY_MS),
            HealthCount(SITE.key, day, "batch", "duplicate", 1, NOON + 5),
            HealthCount(SITE.key, day, "loader", "?", 1, NOON + 9),
            HealthCount("sother", day, "loader", "?", 1, NOON),
        ]
    )

    assert {SITE.key: NOON} == await store.last_arrivals()


async def test_what_was_told_is_known_until_the_alert_is_changed(store: Store) -> None:
    """Each thing is told once by an alert; one that is changed begins anew."""
    await store.put_alert(ALERT)
    await store.fire("a1", Firing(NOON, FACTS, told=("x#1", "x#2")))

    assert [{"x#1", "x#2"}, set()] == [await store.told("a1"), await store.told("other")]
    await store.put_alert(ALERT)
    assert set() == await store.told("a1")


async def test_the_oldest_visit_leaves_tests_out(store: Store) -> None:
    """The oldest visit of a site, or of all, is told; a test by the doctor is none."""
    assert await store.oldest_visit_ms("") is None
    await stored(store, batch("test", canary=True))
    assert await store.oldest_visit_ms("") is None
    await stored(store, batch("s1"))
    [session] = [one for one in await store.open_sessions() if one.id == "s1"]

    assert session.started_ms == await store.oldest_visit_ms("")
    assert session.started_ms == await store.oldest_visit_ms(SITE.key)
    assert await store.oldest_visit_ms("other") is None


async def test_ignored_struggles_alert_nobody(store: Store) -> None:
    """What somebody ignores counts no more: in numbers, in lists, and as new; it does again once it is not."""
    await visit(store, 1, NOON + 5.0)
    await visit(store, 2, NOON + 6.0, target=None, page="/other")
    key = next(one.key for one in await store.struggles() if one.target)
    span, alert = Span(NOON, NOON + 10), replace(ALERT, kind="new", threshold=1)

    async def counted() -> tuple[int, int, int, int]:
        return (
            (await store.count_flagged(FlagFilter(), [span]))[0],
            len(await store.flagged_sessions(FlagFilter(), span, limit=9)),
            len(await store.counted_struggles(FlagFilter(), span, 9)),
            len(await store.new_struggles(alert, 9)),
        )

    before = await counted()
    await store.set_triage([key], TriageChange("ignored", reason="x"), who="ann", at_ms=NOON)
    ignored = await counted()
    await store.set_triage([key], TriageChange("new"), who="ann", at_ms=NOON)

    assert ((2, 2, 2, 2), (1, 1, 1, 1), before) == (before, ignored, await counted())
