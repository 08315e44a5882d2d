"""
Tables as files that spreadsheets open: CSV (RFC 4180) in UTF-8, with the mark by which Excel knows that it is.

A spreadsheet takes a text that begins with = + - @ for a formula, and strangers write some of these texts: such a one
gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARK = b"\xef\xbb\xbf"


def csv_of(heads: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """Return *rows* below their *heads*; None is an empty cell, a number stays one."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(heads)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return _MARK + out.getvalue().encode()


def _plain(cell: object) -> object:
    """Return *cell* as one that no spreadsheet calculates."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
