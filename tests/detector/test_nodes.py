"""What reading remembers is bounded, whoever types how long."""

from __future__ import annotations

from detector.errors import Problems
from detector.nodes import _REMEMBERED, _known, parse


def test_typing_does_not_fill_the_memory() -> None:
    """Of many large texts only the newest are kept; the last one is."""
    filler = "# " + "x" * 30_000 + "\n"
    for number in range(100):
        last = parse("x.yaml", f"version: {number}\n{filler}", Problems())

    assert 0 < _known.size <= _REMEMBERED
    assert last is parse("x.yaml", f"version: {number}\n{filler}", Problems())
