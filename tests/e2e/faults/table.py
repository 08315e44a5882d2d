"""The fault table: what each test found, printed at the end of a run with -s."""

from __future__ import annotations

from dataclasses import dataclass

ROWS: list[Row] = []


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: batches answered 200, how many of them were found, what the operator saw."""

    fault: str
    acknowledged: int
    found: int
    saw: str

    @property
    def lost(self) -> int:
        """Return how many were not found, or not as they were sent."""
        return self.acknowledged - self.found


def note(fault: str, acknowledged: int, found: int, saw: str) -> Row:
    """Put a row into the table and return it."""
    row = Row(fault, acknowledged, found, saw)
    ROWS.append(row)
    return row


def text() -> str:
    """Return the table."""
    lines = [f"{'fault':58} {'acknowledged':>12} {'found':>7} {'lost':>5}  what the operator saw"]
    lines += [
        f"{row.fault:58} {row.acknowledged:12} {row.found:7} {row.lost:5}  {row.saw}"
        for row in ROWS
    ]
    return "\n".join(lines)
