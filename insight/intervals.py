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


@dataclass(frozen=True, slots=True)
class Difference:
    """The share of *more* less that of *less* of the same *all*, from -1 to 1, and its interval of 95 % confidence."""

    more: int
    less: int
    all: int
    value: float
    low: float
    high: float


def difference_of(more: int, less: int, all_: int, level: float = LEVEL) -> Difference:
    """
    Return the difference of two shares of one set, of which no member counts for both.

    Bonett and Price (2012), "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data", Journal of Educational and Behavioral Statistics 37: the two shares hang together, and one
    session more for each of the two keeps the level where sessions are few.
    """
    if all_ <= 0:
        return Difference(0, 0, 0, 0.0, -1.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    plus, minus = (more + 1) / (all_ + 2), (less + 1) / (all_ + 2)
    half = z * sqrt((plus + minus - (plus - minus) ** 2) / (all_ + 2))
    low, high = max(-1.0, plus - minus - half), min(1.0, plus - minus + half)
    value = (more - less) / all_
    return Difference(more, less, all_, value, min(low, value), max(high, value))
