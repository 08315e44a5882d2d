"""What is kept of a visitor's activity tells every span without it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.hands import thinned
from replay.timeline import INACTIVE_AFTER_MS, inactive_spans

END = 200_000
moments = st.lists(st.integers(0, END).map(float), max_size=60)


@given(moments, moments, moments)
def test_thinned_moments_have_the_same_pauses(
    one: list[float], other: list[float], rows: list[float]
) -> None:
    """Of two documents, each thinned for itself, and of other moments beside them."""
    few = thinned(one) + thinned(other) + rows

    assert inactive_spans(one + other + rows, 0, END) == inactive_spans(few, 0, END)


def test_few_are_kept() -> None:
    """Of an hour of constant moves some hundred moments are kept."""
    kept = thinned(at * 50.0 for at in range(72_000))

    assert len(kept) <= 2 + 3_600_000 // INACTIVE_AFTER_MS
    assert (0.0, 71_999 * 50.0) == (kept[0], kept[-1])
