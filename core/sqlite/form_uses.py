"""Keeps what sessions did in forms (core/form_use.py), by the number that their session has in the index. SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from core.form_use import FormUse


def put(db: sqlite3.Connection, no: int, forms: Iterable[FormUse]) -> None:
    """
    Let *forms* be those of the session *no*, in place of those it had.

    Of fields what is not counted by the index is kept: key, label, times, and that it was entered, in the order of entering.
    """
    db.execute("DELETE FROM form_uses WHERE no = ?", (no,))
    db.executemany(
        "INSERT INTO form_uses (process, step, form, no, fields) VALUES (?, ?, ?, ?, ?)",
        [
            (
                use.process,
                use.step,
                use.form,
                no,
                orjson.dumps(
                    [(f.field, f.label, f.spent_ms, f.waited_ms, f.entered) for f in use.fields]
                ).decode(),
            )
            for use in forms
        ],
    )
