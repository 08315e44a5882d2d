"""Contacts from a CSV file: which columns there are, and every row that is wrong. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.errors import UserError
from desk.contacts import FIELDS, ContactError, Draft, read_contact

MOST_ROWS = 50_000
MOST_BYTES = 20_000_000
MOST_TOLD = 50
"""Wrong rows that are told: whoever has more has one mistake in all of them."""

_DELIMITERS = (",", ";", "\t")
_NAMES = {"note": "notes", "id": "key"}
"""Other names of columns."""


class Rows(Protocol):
    """Rows of a file, and the line that was read last."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a row; *line* counts from 1, the heads are line 1."""

    line: int
    reason: str
    field: str = ""


class WrongRows(UserError):
    """Rows that are no contacts: the first ones of *count*."""

    def __init__(self, rows: Sequence[Wrong], count: int) -> None:
        lines = "\n".join(f"line {one.line}: {one.reason}" for one in rows)
        super().__init__(f"nothing was taken; {count} rows are wrong:\n{lines}")
        self.rows = tuple(rows)
        self.count = count


def read_table(content: bytes, channels: Sequence[str], now_ms: int) -> list[Draft]:
    """
    Return the contacts in a CSV file: UTF-8, heads in the first line, separated by comma, semicolon or tab.

    A row without a key has one made of its content: the same file again brings nothing new. Raise WrongRows,
    with all of them, if any row is wrong: then none is taken; UserError if it is no such file.
    """
    if len(content) > MOST_BYTES:
        raise UserError(f"the file has more than {MOST_BYTES // 1_000_000} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError("the file is not UTF-8; save it as CSV UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _drafts(rows, channels, now_ms)
    except csv.Error as error:
        raise UserError(f"line {rows.line_num} is no CSV: {error}") from None


def _drafts(rows: Rows, channels: Sequence[str], now_ms: int) -> list[Draft]:
    heads = [_NAMES.get(head, head) for head in (one.strip().lower() for one in next(rows, []))]
    if unknown := [head for head in heads if head not in FIELDS]:
        raise UserError(f"there is no column '{unknown[0][:40]}': {', '.join(FIELDS)}")
    if missing := [name for name in ("channel", "started_at") if name not in heads]:
        raise UserError(f"the column {missing[0]} is missing")
    if len(heads) != len(set(heads)):
        twice = next(head for head in heads if heads.count(head) > 1)
        raise UserError(f"the column {twice} is there twice")
    drafts: list[Draft] = []
    wrong: list[Wrong] = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(drafts) + len(wrong) >= MOST_ROWS:
            raise UserError(f"the file has more than {MOST_ROWS} rows; split it")
        try:
            drafts.append(_draft(heads, row, channels, now_ms))
        except ContactError as error:
            wrong.append(Wrong(rows.line_num, str(error), error.field))
    if wrong:
        raise WrongRows(wrong[:MOST_TOLD], len(wrong))
    return drafts


def _draft(heads: Sequence[str], row: Sequence[str], channels: Sequence[str], now_ms: int) -> Draft:
    if len(row) != len(heads):
        raise ContactError("", f"there are {len(heads)} columns, but {len(row)} values")
    given = {head: value for head, value in zip(heads, row, strict=True) if value.strip()}
    if "started_at" not in given:
        raise ContactError("started_at", "started_at is missing")
    draft = read_contact(given, channels, now_ms)
    return draft if draft.key else replace(draft, key=f"row {draft.digest.hex()}")
