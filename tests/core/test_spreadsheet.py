"""Tables for spreadsheets: read back they say what they said, and nothing in them is calculated."""

from __future__ import annotations

import csv
import io

from core.spreadsheet import csv_of


def test_a_table_is_read_back_as_it_was() -> None:
    """Umlauts, commas, quotes and lines within a cell survive; None is empty."""
    cells = ["Straße, Größe", 'say "yes"', "one\ntwo", None, -3, 0.5]
    raw = csv_of(["a", "b", "c", "d", "e", "f"], [cells])

    assert raw.startswith(b"\xef\xbb\xbf")
    heads, row = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert ["a", "b", "c", "d", "e", "f"] == heads
    assert ["Straße, Größe", 'say "yes"', "one\ntwo", "", "-3", "0.5"] == row


def test_no_text_is_taken_for_a_formula() -> None:
    """What strangers wrote stays text."""
    raw = csv_of(["a"], [["=1+1"], ["+1"], ["-1"], ["@SUM(A1)"], ["\t=1"], ["1=1"]]).decode()

    assert ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "1=1"] == raw.split("\r\n")[1:-1]
