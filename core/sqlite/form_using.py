"""Asks what sessions did in forms (core/form_use.py). Reads only; which sessions are meant is searching.py's."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from core.form_use import FIELD_USES, FORM, WITHIN, FieldSums, FormSums, Met, place
from core.model import SessionQuery
from core.sqlite import bits, searching
from core.sqlite.bits import Numbers
from core.sqlite.readers import one_view
from core.sqlite.walking import spread
from core.walks import PLACE

TIMED = 5_000
"""Sessions of a query whose times are read, the newest: the median of so many is one of the middle three in a hundred of all, nearly always."""


def met(db: sqlite3.Connection, query: SessionQuery, process: str) -> list[Met]:
    """Return the forms that sessions of *query* used at steps of *process*."""
    begin = process + PLACE
    with one_view(db):
        counts = _counts(db, [searching.numbers(db, query)], FORM, begin)
    found = []
    for value, (sessions,) in counts.items():
        step, _blank, form = value.removeprefix(begin).partition(" ")
        if sessions:
            found.append(Met(step, form, sessions))
    return sorted(found, key=lambda one: (one.step, -one.sessions, one.form))


def sums(
    db: sqlite3.Connection, queries: Sequence[SessionQuery], process: str, step: str, form: str
) -> list[FormSums]:
    """Return for each of *queries* what its sessions did in *form* at *step* of *process*."""
    at = place(process, step, form)
    with one_view(db):
        meant = [searching.numbers(db, query) for query in queries]
        used = _counts(db, meant, FORM, at).get(at, [0] * len(meant))
        counts: list[dict[str, dict[str, int]]] = [{} for _ in meant]
        for use in FIELD_USES:
            for value, some in _counts(db, meant, use, at + WITHIN).items():
                for nth, sessions in enumerate(some):
                    of_field = counts[nth].setdefault(value.removeprefix(at + WITHIN), {})
                    of_field[use] = sessions
        times = _times(db, meant, used, (process, step, form))
    return [
        FormSums(
            used[nth],
            times[nth].sessions,
            {name: times[nth].sums(name, of_field) for name, of_field in counts[nth].items()},
            times[nth].labels,
        )
        for nth in range(len(meant))
    ]


def _counts(
    db: sqlite3.Connection, meant: Sequence[Numbers], use: str, begin: str
) -> dict[str, list[int]]:
    """Return the values of the field *use* that *begin* so, with how many sessions of each of *meant* have them."""
    found: dict[str, list[int]] = {}
    for value, block, content in db.execute(
        "SELECT t.value, b.block, b.bits FROM search_terms t INDEXED BY search_terms_by_value"
        " CROSS JOIN search_bits b ON b.term = t.id WHERE t.field = ? AND t.value >= ? AND t.value < ?",
        (use, begin, begin + searching.LAST),
    ):
        counts = found.setdefault(value, [0] * len(meant))
        for nth, numbers in enumerate(meant):
            counts[nth] += numbers.meet(block, content)
    return found


_Told = tuple[str, str, int | None, int | None, bool]
"""What is kept of a field (form_uses.py): key, label, time in it, hesitation, whether it was entered."""


@dataclass(slots=True)
class _Times:
    """What some sessions took in the fields of a form, gathered: by field the rank, time and hesitation of each session."""

    sessions: int = 0
    uses: defaultdict[str, list[tuple[int, int | None, int | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    labels: dict[str, str] = field(default_factory=dict)

    def add(self, fields: list[_Told]) -> None:
        """Count one session, an older one than those before. Thousands are: each step of this counts."""
        self.sessions += 1
        uses, labels = self.uses, self.labels
        for rank, (name, label, spent_ms, waited_ms, entered) in enumerate(fields, 1):
            if name not in labels and label:
                labels[name] = label
            if entered:
                uses[name].append((rank, spent_ms, waited_ms))

    def sums(self, name: str, counts: dict[str, int]) -> FieldSums:
        """Return what is known of the field *name*."""
        uses = self.uses.get(name, [])
        spent = sorted(ms for _, ms, _ in uses if ms is not None)
        waited = sorted(ms for _, _, ms in uses if ms is not None)
        return FieldSums(
            counts,
            spread(spent) if spent else None,
            spread(waited) if waited else None,
            sum(rank for rank, _, _ in uses) / len(uses) if uses else None,
        )


def _times(
    db: sqlite3.Connection,
    meant: Sequence[Numbers],
    used: Sequence[int],
    form: tuple[str, str, str],
) -> list[_Times]:
    """
    Return for each of the sets *meant* the times of its newest sessions (by when they were indexed first).

    Of either so many have *used* the *form* (process, step, form).
    """
    found = [_Times() for _ in meant]
    tables = [numbers.table() for numbers in meant]
    rows = db.execute(
        "SELECT no, fields FROM form_uses WHERE process = ? AND step = ? AND form = ? ORDER BY no DESC",
        form,
    )
    wanted = [min(TIMED, sessions) for sessions in used]
    for no, told in rows:
        fields = None
        for nth, table in enumerate(tables):
            if found[nth].sessions < wanted[nth] and bits.among(table, no):
                fields = orjson.loads(told) if fields is None else fields
                found[nth].add(fields)
        if fields is not None and all(
            one.sessions >= most for one, most in zip(found, wanted, strict=True)
        ):
            break
    return found
