"""The contract of core/triage.py on every implementation: states, reviews, notes, returns, the queue."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from core.model import SessionQuery, Struggle, Verdicts
from core.store import Store
from core.triage import Queue, QueueQuery, Triage, TriageChange
from tests.core.support import NOON, ManualClock, batch, flag, stored

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TODAY = "2027-01-15"
ANY = QueueQuery(TODAY)


async def struck(
    store: Store,
    session: str,
    *,
    at_ms: int = NOON,
    on: str = "#pay",
    release: str = "",
    **how: Any,
) -> None:
    """Let *session* have a flag on *on*, on a page that was loaded just before."""
    attributes = {"release": release} if release else {}
    visitor = how.pop("visitor", None)
    new = batch(session, origin_ms=float(at_ms - 1000), attributes=attributes, visitor=visitor)
    await stored(store, new)
    target = {"key": on, "selector": on, "label": on, "node": 1}
    made = flag(f"{session}{on}", session, at_ms=float(at_ms), target=target, **how)
    await store.commit_verdicts([Verdicts(session, 0, (made,))])


async def struggle(store: Store, on: str = "#pay") -> Struggle:
    """Return the struggle on *on*."""
    return next(one for one in await store.struggles() if (one.target or {})["key"] == on)


async def said(store: Store, on: str = "#pay", **change: Any) -> int:
    """Let ann say something of the struggle on *on*, now."""
    key = (await struggle(store, on)).key
    return await store.set_triage([key], TriageChange(**change), who="ann", at_ms=NOON + HOUR_MS)


async def state(store: Store, on: str = "#pay") -> str:
    """Return the state of the struggle on *on*."""
    return (await store.triage((await struggle(store, on)).key)).state


def names(queue: Queue) -> list[str]:
    """Return the elements of the page, in its order."""
    return [(one.struggle.target or {})["key"] for one in queue.items]


async def test_what_is_said_is_kept_with_who_and_when(store: Store) -> None:
    """State, owner, due day and note come back; each is in the history, newest first, and in the audit."""
    await struck(store, "a")
    key = (await struggle(store)).key

    assert Triage(key) == await store.triage(key)
    assert 1 == await said(store, owner="bob", due="2027-01-20")
    assert 1 == await said(store, state="ignored", reason="a toy", note="seen twice")
    assert Triage(
        key,
        "ignored",
        NOON + HOUR_MS,
        "ann",
        "",
        "a toy",
        "bob",
        "2027-01-20",
        NOON + HOUR_MS,
        "ann",
    ) == await store.triage(key)
    assert [
        ("note", "", "", "seen twice"),
        ("state", "new", "ignored", "a toy"),
        ("due", "", "2027-01-20", ""),
        ("owner", "", "bob", ""),
    ] == [(e.what, e.before, e.after, e.detail) for e in await store.triage_history(key)]
    assert [
        ("ann", "struggle_noted"),
        ("ann", "struggle_state"),
        ("ann", "struggle_due"),
        ("ann", "struggle_owner"),
    ] == [(one.who, one.action) for one in await store.audited(9)]
    assert {key} == {one.subject for one in await store.audited(9)}


async def test_saying_the_same_again_leaves_no_trace(store: Store) -> None:
    """What is so already is no change; of keys without a flag nothing is kept; each key counts once."""
    await struck(store, "a")
    key = (await struggle(store)).key
    change = TriageChange("resolved", release="2.1", owner="bob")

    assert 1 == await store.set_triage([key, key, "nothing"], change, who="ann", at_ms=NOON)
    assert 0 == await store.set_triage([key], change, who="ben", at_ms=NOON + 1)
    assert 2 == len(await store.triage_history(key))
    assert [] == await store.triage_history("nothing")
    assert "ann" == (await store.triage(key)).state_by


async def test_a_due_day_asks_for_a_review_and_a_state_is_one(store: Store) -> None:
    """Reviewed is who said a state or that they looked; new, and a due day, take that back."""

    async def reviewed() -> bool:
        return (await store.triage((await struggle(store)).key)).reviewed_ms is not None

    await struck(store, "a")
    seen = []
    for change in (
        {"reviewed": True}, {"due": "2027-02-01"}, {"state": "ongoing"}, {"state": "new"},
        {"state": "resolved", "due": "2027-03-01"}, {"reviewed": True}, {"owner": "bob"}, {"due": ""},
    ):  # fmt: skip
        await said(store, **change)
        seen.append(await reviewed())

    assert [True, False, True, False, False, True, True, True] == seen


async def test_notes_are_their_authors(store: Store) -> None:
    """The author edits a note or takes it back, nobody else; a line stays where one was."""
    await struck(store, "a")
    await said(store, note="wrong")
    key = (await struggle(store)).key
    [note] = await store.triage_history(key)

    assert not await store.edit_note(note.id, "mine", who="ben", at_ms=NOON)
    assert await store.edit_note(note.id, "right", who="ann", at_ms=NOON + 5)
    assert (
        dataclasses.replace(note, detail="right", edited_ms=NOON + 5)
        == (await store.triage_history(key))[0]
    )
    assert await store.edit_note(note.id, "", who="ann", at_ms=NOON + 6)
    assert not await store.edit_note(note.id, "again", who="ann", at_ms=NOON + 7)
    assert [""] == [one.detail for one in await store.triage_history(key)]
    assert ["struggle_note_removed", "struggle_note_changed", "struggle_noted"] == [
        one.action for one in await store.audited(9)
    ]


async def test_a_resolved_struggle_returns_by_a_page_loaded_since(store: Store) -> None:
    """Not by a flag of before, nor on a page that was open already; then it wants a review again."""
    await struck(store, "a")
    await said(store, state="resolved", owner="bob")
    resolved = NOON + HOUR_MS
    await struck(store, "old", at_ms=resolved - 5)
    await struck(store, "open", at_ms=resolved + 500)  # loaded half a second before
    still = await state(store)
    await struck(store, "b", at_ms=resolved + 5000, release="7.1")
    one = await store.triage((await struggle(store)).key)
    first, *_ = await store.triage_history(one.struggle)

    assert "resolved" == still
    assert ("returned", resolved + 5000, "", "bob", None) == (
        one.state, one.state_ms, one.state_by, one.owner, one.reviewed_ms,
    )  # fmt: skip
    assert ("returned", "resolved", "returned", "7.1", resolved + 5000) == (
        first.what, first.before, first.after, first.detail, first.at_ms,
    )  # fmt: skip


async def test_resolved_at_a_release_returns_in_that_or_a_new_one(store: Store) -> None:
    """Releases in which it had been seen before go on having it; only others say that it is back."""
    await struck(store, "a", release="2.0")
    await struck(store, "b", release="2.1")
    await said(store, state="resolved", release="2.2")
    late = NOON + 2 * HOUR_MS
    await struck(store, "c", at_ms=late, release="2.1")
    known = await state(store)
    await struck(store, "d", at_ms=late, release="2.2")

    assert ("resolved", "returned") == (known, await state(store))


async def test_a_return_that_does_not_stand_is_taken_back(store: Store) -> None:
    """The final judgement withdraws the flag: resolved again, as it was said, without a line of a return."""
    await struck(store, "a")
    await said(store, state="resolved", release="2.2")
    key = (await struggle(store)).key
    before = (await store.triage(key), await store.triage_history(key))
    await struck(store, "b", at_ms=NOON + 2 * HOUR_MS, release="2.3")
    await struck(store, "c", at_ms=NOON + 3 * HOUR_MS, release="2.3")
    states = [await state(store)]
    for session in ("b", "c"):
        await store.commit_verdicts([Verdicts(session, 0, (), replace=True, final=True)])
        states.append(await state(store))

    assert ["returned", "returned", "resolved"] == states
    assert before == (await store.triage(key), await store.triage_history(key))


@pytest.mark.parametrize("what", ["ongoing", "ignored", "new"])
async def test_only_what_was_resolved_returns(store: Store, what: Any) -> None:
    """A flag more changes nothing of other states."""
    await struck(store, "a")
    await said(store, state=what)
    await struck(store, "b", at_ms=NOON + 9 * HOUR_MS)

    assert what == await state(store)


async def test_the_queue_is_filtered_by_what_was_said(store: Store) -> None:
    """By state, owner, review, due day, rule and severity; states are counted beside the page."""
    for n, on in enumerate(("#a", "#b", "#c", "#d")):
        rule, severity = ("dead_click", "low") if on == "#d" else ("rage_click", "high")
        for session in range(4 - n):
            await struck(store, f"{on}{session}", on=on, rule=rule, severity=severity)
    await said(store, "#a", state="ongoing", owner="ann")
    await said(store, "#b", owner="ann", due="2027-01-14")
    await said(store, "#c", due="2027-01-18")
    await said(store, "#d", state="ignored", reason="x", due="2027-01-10")
    await said(store, "#d", reviewed=True)

    async def asked(**query: Any) -> list[str]:
        return names(await store.queue(dataclasses.replace(ANY, **query)))

    assert ["#a", "#b", "#c", "#d"] == await asked()
    assert ["#b", "#c"] == await asked(states=("new",))
    assert ["#a", "#b", "#c"] == await asked(states=("new", "returned", "ongoing"))
    assert (["#a", "#b"], ["#c", "#d"]) == (await asked(owner="ann"), await asked(owner=""))
    assert (["#a", "#d"], ["#b", "#c"]) == (
        await asked(reviewed=True), await asked(reviewed=False),
    )  # fmt: skip
    assert [["#b"], ["#b"], ["#b", "#c"], ["#b", "#c"]] == [
        await asked(due=due) for due in ("overdue", "today", "week", "any")
    ]
    assert (["#d"], ["#d"]) == (await asked(rule="dead_click"), await asked(severity="low"))
    assert ["#b", "#c", "#a", "#d"] == await asked(order="due")
    assert ["#a", "#b", "#c", "#d"] == await asked(order="severity")
    assert ["#b"] == await asked(offset=1, limit=1)
    assert [] == await asked(site="nobody")
    page = await store.queue(dataclasses.replace(ANY, states=("ignored",), limit=1))
    assert (1, 2, 4) == (page.total, page.reviewed, page.flagged)
    assert {"new": 2, "ongoing": 1, "returned": 0, "resolved": 0, "ignored": 1} == page.by_state
    assert ((1, 1), (1, 1), (0, 0)) == (
        await store.due_reviews("ann", TODAY),
        await store.due_reviews(None, TODAY),
        await store.due_reviews("bob", TODAY),
    )


@pytest.mark.parametrize("days", [1, 7])
async def test_the_queue_counts_its_span(store: Store, clock: ManualClock, days: int) -> None:
    """Sessions, visitors and share are of the span; what it lists, the list of its sessions holds."""
    await struck(store, "old", visitor="v1", on="#old")
    clock.advance(8 * DAY_MS)
    now = clock.now_ms()
    for n, visitor in enumerate(("v1", "v1", "v2", None)):
        await struck(store, f"s{n}", at_ms=now - (n + 1) * HOUR_MS, visitor=visitor, on="#new")
    await stored(store, batch("calm", origin_ms=float(now - HOUR_MS)))
    since = now - days * DAY_MS
    queue = await store.queue(dataclasses.replace(ANY, since_ms=since))
    [one] = queue.items
    query = SessionQuery(struggle=one.struggle.key, struck_since_ms=since)
    everything = await store.queue(dataclasses.replace(ANY, order="last"))

    assert (1, 4, 4, 3, 0.8) == (
        queue.total, one.struggle.sessions, one.struggle.flags, one.struggle.visitors, one.share,
    )  # fmt: skip
    assert 4 == await store.count_sessions(query) == len(await store.sessions(query))
    assert one == await store.queued(one.struggle.key, since_ms=since)
    assert ["#new", "#old"] == names(everything)
    old = everything.items[1].struggle.key
    assert None is await store.queued(old, since_ms=since)
    assert 0 == await store.count_sessions(SessionQuery(struggle=old, struck_since_ms=since))


async def test_rising_is_told_by_the_halves_of_the_span(store: Store, clock: ManualClock) -> None:
    """More sessions in the later half of the time come first, however few they are in all."""
    start = clock.now_ms()
    for n in range(5):
        await struck(store, f"past{n}", at_ms=start + HOUR_MS, on="#past")
    clock.advance(10 * DAY_MS)
    for n in range(2):
        await struck(store, f"now{n}", at_ms=clock.now_ms() - HOUR_MS, on="#now")
    query = dataclasses.replace(ANY, since_ms=start)

    assert ["#past", "#now"] == names(await store.queue(query))
    assert ["#now", "#past"] == names(await store.queue(dataclasses.replace(query, order="rising")))
    assert ["#now", "#past"] == names(await store.queue(dataclasses.replace(ANY, order="rising")))


async def test_a_visitor_who_is_known_later_counts_once(store: Store) -> None:
    """Two visits without a name are two; when both turn out to be one visitor's, that is one."""
    await struck(store, "a")
    await struck(store, "b")
    unknown = (await struggle(store)).visitors
    for session in ("a", "b"):
        await stored(store, batch(session, 1, visitor="v1"))

    assert (2, 1) == (unknown, (await struggle(store)).visitors)


async def test_what_nobody_has_touched_goes_when_its_flags_have(store: Store) -> None:
    """What was said outlives the sessions, so that it can return; it goes once it is old, too."""
    await struck(store, "a")
    await struck(store, "b", on="#other")
    await said(store, state="resolved")
    await said(store, "#other", state="resolved")
    key = (await struggle(store)).key
    await store.commit_verdicts([Verdicts("a", 0, (), replace=True, final=True)])

    assert 0 == await store.drop_old_triage(NOON)
    assert "resolved" == (await store.triage(key)).state
    assert 1 == await store.drop_old_triage(NOON + DAY_MS)
    assert (Triage(key), []) == (await store.triage(key), await store.triage_history(key))
    assert "resolved" == await state(store, "#other")
