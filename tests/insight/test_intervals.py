"""Intervals of shares equal published ones, and cover the true share as often as they say."""

from __future__ import annotations

from math import comb

import pytest

from insight.contrasts import contrast_of
from insight.intervals import share_of


@pytest.mark.parametrize(
    ("some", "all_", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_newcombe(some: int, all_: int, low: float, high: float) -> None:
    """Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I, method 3."""
    found = share_of(some, all_)

    assert (some / all_, low, high) == (found.share, round(found.low, 4), round(found.high, 4))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_contrasts_are_those_of_newcombe(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, method 10."""
    found = contrast_of(share_of(*one), share_of(*other))
    turned = contrast_of(share_of(*other), share_of(*one))

    assert (low, high) == (round(found.low, 4), round(found.high, 4))
    assert (found.points, found.low, found.high) == (-turned.points, -turned.high, -turned.low)
    assert one[0] / one[1] - other[0] / other[1] == found.points
    wider = contrast_of(share_of(*one), share_of(*other), 0.99)
    assert wider.low < found.low or found.low == -1.0


def test_the_difference_to_nothing_may_be_any() -> None:
    found = contrast_of(share_of(0, 0), share_of(3, 4))
    assert (-1.0, 1.0) == (found.low, found.high)


def test_of_nothing_the_share_may_be_anything() -> None:
    nothing = share_of(0, 0)
    assert (0.0, 0.0, 1.0) == (nothing.share, nothing.low, nothing.high)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_the_true_share_lies_inside_about_as_often_as_is_said(share: float) -> None:
    """Computed over all outcomes, not drawn: near 95 %, for few visits and shares near 0, too."""
    for all_ in (30, 200):
        covered = sum(
            comb(all_, some) * share**some * (1 - share) ** (all_ - some)
            for some in range(all_ + 1)
            if (found := share_of(some, all_)).low <= share <= found.high
        )
        assert 0.92 <= covered <= 0.99
