"""
A form at a step of a process in numbers: its fields, compared between those who completed and those who left here.

Each number is counted by the index that lists its sessions, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.form_use import FORM, LEFT, MARKS, USED, FieldSums, FormStore, FormSums, place
from core.model import SessionQuery
from core.walks import Spread
from insight.contrasts import Contrast, contrast_of
from insight.funnel import Pair, completed, left, narrowed
from insight.intervals import LEVEL, Share, share_of

FRICTION = ("field_refilled", "field_refused", "field_returned")
"""What of a field may be why somebody leaves; the others are ways to fill it in."""

ENOUGH = 10
"""Sessions of either group below which nothing is said of a difference: hardly one could be told from chance."""


@dataclass(frozen=True, slots=True)
class Compared:
    """
    How many of those who used the field had something with it: of those who *completed*, and of those who *left*.

    *difference* is the second share less the first. *pair* asks for the sessions, beside that of the group.
    """

    completed: Share
    left: Share
    difference: Contrast
    pair: Pair


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field: *used*, of those who used the form; each of MARKS, of those who used the field; *last*: it was the last of
    those who left, of all that left and had used the form. Times: of those who completed, and of those who left.
    """

    name: str
    label: str
    used: Compared
    marks: Mapping[str, Compared]
    last: Share
    last_pair: Pair
    spent: tuple[Spread | None, Spread | None]
    waited: tuple[Spread | None, Spread | None]
    place: float | None


@dataclass(frozen=True, slots=True)
class Differing:
    """A *field* and what of it (one of FRICTION) differs most between those who left and those who completed."""

    field: Field
    mark: str


@dataclass(frozen=True, slots=True)
class Form:
    """
    A form at a step: how many used it of those who *completed* the process and of those who *left* at this step.

    *none* left here and used nothing of it, of *left_all*. *fields* stand in their usual order. *timed*: of how many the times are, at most.
    """

    step: str
    form: str
    completed: int
    left: int
    left_all: int
    pair: Pair
    fields: tuple[Field, ...]
    timed: tuple[int, int]

    @property
    def none(self) -> int:
        """Return how many left at the step and used nothing of the form."""
        return self.left_all - self.left

    @property
    def worst(self) -> Field | None:
        """Return the field that most of those who left had used last."""
        found = max(self.fields, key=lambda one: one.last.some, default=None)
        return found if found is not None and found.last.some else None

    @property
    def slowest_ms(self) -> float:
        """Return the longest median of a field."""
        medians = [one.median_ms for field in self.fields for one in field.spent if one is not None]
        return max(medians, default=0.0)

    @property
    def differing(self) -> Differing | None:
        """
        Return what befell those who left so much more often that it is hardly chance, if anything did.

        The interval is wider the more is looked at (Bonferroni): of twenty comparisons one differs by chance alone.
        """
        if min(self.completed, self.left) < ENOUGH:
            return None
        level = 1 - (1 - LEVEL) / max(1, len(self.fields) * len(FRICTION))
        found = [
            (contrast_of(compared.left, compared.completed, level), field, mark)
            for field in self.fields
            for mark in FRICTION
            if (compared := field.marks[mark]).left.all and compared.completed.all
        ]
        sure = [one for one in found if one[0].low > 0]
        if not sure:
            return None
        _, field, mark = max(sure, key=lambda one: one[0].points)
        return Differing(field, mark)


async def form(
    store: FormStore,
    query: SessionQuery,
    process: str,
    step: str,
    form: str,
    *,
    left_all: int,
) -> Form:
    """Return the numbers of *form* at *step* of *process* among the sessions of *query*; *left_all* of them left there."""
    groups = (completed(process), left(process, step))
    queries = [narrowed(query, pair) for pair in groups]
    done, gone = await store.form_sums(queries, process, step, form)
    names = [*done.fields, *(name for name in gone.fields if name not in done.fields)]
    fields = [_field(process, step, form, name, done, gone) for name in names]
    fields = [one for one in fields if one.used.completed.some or one.used.left.some]
    fields.sort(key=lambda one: (one.place is None, one.place or 0.0, one.name))
    return Form(
        step, form, done.sessions, gone.sessions, left_all,
        (FORM, place(process, step, form)), tuple(fields), (done.timed, gone.timed),
    )  # fmt: skip


def _field(process: str, step: str, form: str, name: str, done: FormSums, gone: FormSums) -> Field:
    nothing = FieldSums()
    mine, theirs = done.fields.get(name, nothing), gone.fields.get(name, nothing)
    at = place(process, step, form, name)

    def compared(use: str, of: tuple[int, int]) -> Compared:
        shares = (
            share_of(mine.counts.get(use, 0), of[0]),
            share_of(theirs.counts.get(use, 0), of[1]),
        )
        return Compared(*shares, contrast_of(shares[1], shares[0]), (use, at))

    used = compared(USED, (done.sessions, gone.sessions))
    users = (used.completed.some, used.left.some)
    return Field(
        name,
        gone.labels.get(name) or done.labels.get(name, ""),
        used,
        {mark: compared(mark, users) for mark in MARKS},
        share_of(theirs.counts.get(LEFT, 0), gone.sessions),
        (LEFT, at),
        (mine.spent, theirs.spent),
        (mine.waited, theirs.waited),
        _place((mine.place, users[0]), (theirs.place, users[1])),
    )


def _place(*places: tuple[float | None, int]) -> float | None:
    """Return the mean of mean ranks of so many sessions each."""
    known = [(rank, sessions) for rank, sessions in places if rank is not None and sessions]
    all_ = sum(sessions for _, sessions in known)
    return sum(rank * sessions for rank, sessions in known) / all_ if all_ else None
