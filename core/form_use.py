"""
What a session did in the forms that it met at the steps of a process. And the contract of the store's part that keeps it.

Only facts about fields: when they were entered and left, that they changed. Never a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from core.walks import PLACE, Spread

if TYPE_CHECKING:
    from core.model import SessionQuery

USED, LEFT = "field_used", "field_left"
MARKS = (
    "field_refilled",
    "field_returned",
    "field_refused",
    "field_deleted",
    "field_pasted",
    "field_filled_in",
)
"""What may be so of a field in a session (FieldUse.marks); all are names of fields of a search (core/search.py)."""

FORM = "form_used"
FIELD_USES = (USED, *MARKS, LEFT)
FORM_USES = (FORM, *FIELD_USES)
"""
Fields of a search. The value of `form_used` is that of `left`, a blank, and the form's key; that of the
others has the field's key behind that: `checkout/pay payment > iban`.
"""

WITHIN = " > "
"""Between form and field in a value."""

OUTSIDE = "-"
"""Stands for the form of fields that belong to none."""


def place(process: str, step: str, form: str, field: str | None = None) -> str:
    """Return the value by which sessions are found that used *form*, or a *field* of it, at *step* of *process*."""
    told = f"{process}{PLACE}{step} {form}"
    return told if field is None else f"{told}{WITHIN}{field}"


@dataclass(frozen=True, slots=True)
class FieldUse:
    """
    How one *field* was used: *spent_ms* in it while its page was to be seen, None of one that tells no times.

    *waited_ms*: from its focus to the first input; None without input. *marks* are some of MARKS. *left*: it was
    the last one that somebody used who left the process at this step. *entered* is False of one that was refused only.
    """

    field: str
    label: str = ""
    spent_ms: int | None = None
    waited_ms: int | None = None
    marks: tuple[str, ...] = ()
    left: bool = False
    entered: bool = True


@dataclass(frozen=True, slots=True)
class FormUse:
    """What a session did in *form* at *step* of *process*. *fields* stand in the order in which they were first entered."""

    process: str
    step: str
    form: str
    fields: tuple[FieldUse, ...] = ()

    def terms(self) -> Iterator[tuple[str, str]]:
        """Give what the session is found by (core/search.py)."""
        yield FORM, place(self.process, self.step, self.form)
        for one in self.fields:
            at = place(self.process, self.step, self.form, one.field)
            yield USED, at
            for mark in one.marks:
                yield mark, at
            if one.left:
                yield LEFT, at


@dataclass(frozen=True, slots=True)
class Met:
    """A *form* that *sessions* used at *step*."""

    step: str
    form: str
    sessions: int


@dataclass(frozen=True, slots=True)
class FieldSums:
    """
    A field of some sessions: by each of FIELD_USES how many of them (*counts*), and what it took them.

    *place* is the mean rank of the field, from 1, among those of the form that each of them entered.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    spent: Spread | None = None
    waited: Spread | None = None
    place: float | None = None


@dataclass(frozen=True, slots=True)
class FormSums:
    """A form of some *sessions*: its *fields* by their keys. *timed*: of how many of them the times are, the newest."""

    sessions: int = 0
    timed: int = 0
    fields: Mapping[str, FieldSums] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class FormStore(Protocol):
    """Uses of forms, written with the document of their session (SearchStore.index), and gone with it."""

    async def forms_met(self, query: SessionQuery, process: str) -> list[Met]:
        """Return the forms that sessions of *query* used at steps of *process*, by step and most sessions first."""

    async def form_sums(
        self, queries: Sequence[SessionQuery], process: str, step: str, form: str
    ) -> list[FormSums]:
        """Return for each of *queries* (no limit, offset, place) what its sessions did in *form* at *step*."""
