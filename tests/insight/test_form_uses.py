"""Uses of forms: counts and times equal what the visits are known to have done in the fields of forms at steps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.erasing import Whom
from core.form_use import FIELD_USES, FORM, LEFT, MARKS, USED, place
from core.model import SessionQuery
from core.search import Find
from core.sqlite import SqliteStore
from core.walks import Spread
from insight.form_uses import MOST_FIELDS
from insight.stays import LONGEST_MS, MOST_LETTERS, label_of
from stolper.indexer import Indexer
from tests.console.support import Clock, Visit, shop
from tests.insight.form_generator import FORMS, Filler, fillers, stored_fillers
from tests.insight.test_walks import everything, rules

TRUTHS = fillers(23, 400)


class Filled:
    """A store with visits that filled in forms, indexed."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        declared = rules()
        self.indexer = Indexer(store, Clock(), rules=lambda: declared)

    async def ids(self, *pairs: tuple[str, str]) -> set[str]:
        """Return the visits that the list shows for *pairs* of field and value."""
        query = SessionQuery(find=Find(include=pairs), limit=10_000)
        found = {one.id for one in await self.store.sessions(query)}

        assert len(found) == await self.store.count_sessions(query)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Filled]:
    store = SqliteStore(tmp_path_factory.mktemp("forms"), Clock())
    await store.open()
    await store.add_site(shop())
    await stored_fillers(store, TRUTHS)
    made = Filled(store)
    for one in TRUTHS:
        if one.running:
            made.indexer.changed(one.id)
    await everything(made.indexer)
    yield made
    await store.close()


module = pytest.mark.asyncio(loop_scope="module")


def having(truths: list[Filler], use: str, key: tuple[str, str, str]) -> set[str]:
    """Return the visits of which *use* (FIELD_USES) is so of the field *key*."""
    if use == USED:
        return {one.id for one in truths if key in one.fields}
    if use == LEFT:
        return {one.id for one in truths if one.left_in == key}
    return {one.id for one in truths if key in one.fields and use in one.fields[key].marks}


KEYS = [(step, form, name) for step, forms in FORMS.items() for form, names in forms.items() for name in names]  # fmt: skip


@module
async def test_the_sessions_found_by_what_befell_a_field_are_those_of_the_truth(
    made: Filled,
) -> None:
    """For each field of each form at each step, and each thing that may be so of it; of forms, too."""
    for key in KEYS:
        for use in FIELD_USES:
            found = await made.ids((use, place("order", *key)))
            assert having(TRUTHS, use, key) == found, (key, use)
    for mark in (*MARKS, LEFT):
        assert sum(bool(having(TRUTHS, mark, key)) for key in KEYS) >= 5, f"{mark} proves nothing"
    for step, forms in FORMS.items():
        for form in forms:
            used = {one.id for one in TRUTHS if (step, form) in one.forms}
            assert used == await made.ids((FORM, place("order", step, form)))
    assert set() == await made.ids((USED, place("order", "pay", "contact", "text")))


@module
async def test_times_and_orders_are_those_of_the_truth(made: Filled) -> None:
    """Per field, of those who completed and of those who left there: ± 50 ms of brute force, counts exactly."""
    off = 0.0
    for step, forms in FORMS.items():
        done, gone = (("completed", "order"),), (("left", f"order/{step}"),)
        queries = [SessionQuery(find=Find(include=pairs)) for pairs in (done, gone)]
        for form, names in forms.items():
            groups = [
                [one for one in TRUTHS if (step, form) in one.forms and is_in(one, step)]
                for is_in in (lambda one, _: one.completed, lambda one, step: one.left == step)
            ]
            sums = await made.store.form_sums(queries, "order", step, form)
            assert [len(some) for some in groups] == [one.sessions for one in sums]
            assert [len(some) for some in groups] == [one.timed for one in sums]
            for truths, told in zip(groups, sums, strict=True):
                for name in names:
                    key, found = (step, form, name), told.fields[name]
                    for use in FIELD_USES:
                        assert len(having(truths, use, key)) == found.counts.get(use, 0)
                    facts = [one.fields[key] for one in truths if key in one.fields]
                    spans = ([one.spent for one in facts], [one.waited for one in facts])
                    for truth, spread in zip(spans, (found.spent, found.waited), strict=True):
                        off = max(off, apart(truth, spread))
                    assert mean_place(truths, key) == pytest.approx(found.place)
                    assert f"Your {name}" == told.labels[name]
    print(f"times differ from the truth by {off:.1f} ms at most")
    assert off <= 50


def apart(truth: list[float | None], spread: Spread | None) -> float:
    """Return by how many ms median and 90th percentile (nearest rank) of *truth* differ from *spread*."""
    known = sorted(one for one in truth if one is not None)
    if not known:
        assert spread is None
        return 0.0
    assert spread is not None and len(known) == spread.sessions
    ranks = [known[-(-len(known) * percent // 100) - 1] for percent in (50, 90)]
    return max(abs(ranks[0] - spread.median_ms), abs(ranks[1] - spread.p90_ms))


def mean_place(truths: list[Filler], key: tuple[str, str, str]) -> float | None:
    """Return the mean rank of the field *key* among those of its form that were entered."""
    ranks = []
    for one in truths:
        entered = [k for k, fact in one.fields.items() if k[:2] == key[:2] and fact.stays]
        if key in entered:
            ranks.append(entered.index(key) + 1)
    return sum(ranks) / len(ranks) if ranks else None


@module
async def test_the_forms_of_a_process_are_told_with_their_sessions(made: Filled) -> None:
    """By step; narrowed by device; none of those of other pages."""
    phones = [one for one in TRUTHS if one.device == "mobile"]
    query = SessionQuery(find=Find(include=(("device", "mobile"),)))
    found = {(one.step, one.form): one.sessions for one in await made.store.forms_met(query, "order")}  # fmt: skip

    assert {
        (step, form): sum((step, form) in one.forms for one in phones)
        for step, forms in FORMS.items()
        for form in forms
    } == found


async def test_what_was_done_in_forms_goes_with_its_session(tmp_path: Path) -> None:
    """What is erased is gone from the rows and from the counts."""
    store = SqliteStore(tmp_path, Clock())
    await store.open()
    await store.add_site(shop())
    await stored_fillers(store, TRUTHS[:12])
    other = Filled(store)
    await everything(other.indexer)
    gone = next(one for one in TRUTHS[:12] if one.fields)
    step, form, name = next(iter(gone.fields))
    query = SessionQuery()
    before = (await store.form_sums([query], "order", step, form))[0]
    await store.erase(Whom("session", gone.id))
    after = (await store.form_sums([query], "order", step, form))[0]

    assert before.sessions - 1 == after.sessions
    assert before.timed - 1 == after.timed
    assert gone.id not in await other.ids((USED, place("order", step, form, name)))
    await store.close()


async def test_what_no_browser_sends_stops_nothing(tmp_path: Path) -> None:
    """Endless times, long names and no name at all: the session is indexed, and what is kept is within bounds."""
    store = SqliteStore(tmp_path, Clock())
    await store.open()
    await store.add_site(shop())
    visit = Visit(store, "strange")
    facts = {"type": "field", "path": "/pay", "form": "payment", "cause": "blur"}
    await visit.send(
        [
            {"t": 0, "type": "page", "path": "/pay", "nav": "load"},
            {"t": 9, **facts, "field": "iban", "focus_ms": 1e300, "first_input_ms": 1e300},
            {"t": 9, **facts, "field": "owner", "focus_ms": -1e300, "first_input_ms": -5},
            {"t": 9, **facts, "field": "n" * 5_000, "focus_ms": 2},
            {"t": 9, **facts, "focus_ms": 2},
            *({"t": 10, **facts, "field": f"many{n}", "focus_ms": 1} for n in range(300)),
        ]
    )
    await store.end_session("strange", "left")
    made = Filled(store)
    await everything(made.indexer)
    [found] = await store.form_sums([SessionQuery()], "order", "pay", "payment")

    assert 1 == found.sessions
    assert MOST_FIELDS == len(found.fields)
    assert all(len(name) <= MOST_LETTERS for name in found.fields)
    for name in ("iban", "owner"):
        spent = found.fields[name].spent
        assert spent is not None and 0 <= spent.median_ms <= LONGEST_MS
    await store.close()


def test_a_choice_of_several_does_not_name_the_field() -> None:
    """What stands beside a radio button is called the choice; the field is called by its key."""
    target = {"key": "method", "label": "Pay in 14 days"}

    assert "" == label_of({"type": "field", "input_type": "radio", "target": target})
    assert "Pay in 14 days" == label_of({"type": "field", "input_type": "text", "target": target})
