"""What is said of a form in a sentence: the field that was used last, and what differs by more than chance explains."""

from __future__ import annotations

import random

from core.form_use import LEFT, MARKS, USED, FieldSums, FormStore, FormSums, Met
from core.model import SessionQuery
from insight import forms
from insight.forms import Form

FIELDS = [f"field{nth}" for nth in range(8)]


class Counted(FormStore):
    """Answers with given counts."""

    def __init__(self, completed: FormSums, left: FormSums) -> None:
        self._sums = [completed, left]

    async def forms_met(self, query: SessionQuery, process: str) -> list[Met]:
        return []

    async def form_sums(
        self, queries: object, process: str, step: str, form: str
    ) -> list[FormSums]:
        return self._sums


def drawn(rnd: random.Random, sessions: int, shares: dict[tuple[str, str], float]) -> FormSums:
    """Return the counts of so many *sessions*: of each field each mark with a share of 0.1, or that of *shares*."""
    fields = {}
    for name in FIELDS:
        counts = {USED: sessions, LEFT: 3 if name == "field2" else 1}
        for mark in MARKS:
            share = shares.get((name, mark), 0.1)
            counts[mark] = sum(rnd.random() < share for _ in range(sessions))
        fields[name] = FieldSums(counts, place=float(FIELDS.index(name) + 1))
    return FormSums(sessions, sessions, fields)


async def form_of(completed: FormSums, left: FormSums) -> Form:
    store = Counted(completed, left)
    return await forms.form(store, SessionQuery(), "order", "pay", "card", left_all=400)


async def test_what_differs_most_is_named() -> None:
    """A planted difference is, one of the ways to fill in a field is not; the field used last is that of most."""
    rnd = random.Random(5)
    more = {("field4", "field_refilled"): 0.45, ("field1", "field_pasted"): 0.9}
    form = await form_of(drawn(rnd, 300, {}), drawn(rnd, 300, more))

    assert form.worst is not None and form.differing is not None
    assert "field2" == form.worst.name
    assert ("field4", "field_refilled") == (form.differing.field.name, form.differing.mark)
    assert FIELDS == [one.name for one in form.fields]


async def test_less_friction_is_no_reason_to_leave() -> None:
    """What those who completed did more often is not named."""
    rnd = random.Random(6)
    more = {("field4", "field_refilled"): 0.45}

    assert None is (await form_of(drawn(rnd, 300, more), drawn(rnd, 300, {}))).differing


async def test_of_chance_alone_seldom_anything_is_named() -> None:
    """Where nothing differs something is named in 5 of 100 forms or less, though 24 things are compared in each."""
    named = 0
    for seed in range(100):
        rnd = random.Random(seed)
        form = await form_of(drawn(rnd, 200, {}), drawn(rnd, 120, {}))
        named += form.differing is not None

    assert named <= 5


async def test_of_a_handful_nothing_is_named() -> None:
    """However much they differ."""
    rnd = random.Random(8)
    all_ = {(name, mark): 1.0 for name in FIELDS for mark in MARKS}

    assert None is (await form_of(drawn(rnd, 900, {}), drawn(rnd, 9, all_))).differing
