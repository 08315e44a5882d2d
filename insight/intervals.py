"""Intervals of shares: how far a number of few visits can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """*some* of *all*, as a share from 0 to 1, and the interval that holds the true one with 95 % confidence."""

    some: int
    all: int
    share: float
    low: float
    high: float


def share_of(some: int, all_: int, level: float = LEVEL) -> Share:
    """
    Return the share of *some* in *all_* with its score interval.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22: it keeps its level
    for few visits and shares near 0 and 1, where the textbook's does not. Of nothing the share may be anything.
    """
    if all_ <= 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = some / all_
    middle = (share + z * z / (2 * all_)) / (1 + z * z / all_)
    half = z * sqrt(share * (1 - share) / all_ + z * z / (4 * all_ * all_)) / (1 + z * z / all_)
    low = 0.0 if some == 0 else max(0.0, middle - half)
    high = 1.0 if some == all_ else min(1.0, middle + half)
    return Share(some, all_, share, low, high)
