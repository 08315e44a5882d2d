"""Intervals of shares: how far a number of few visits can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt
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


@dataclass(frozen=True, slots=True)
class Ratio:
    """One share over another, and the interval that holds the true ratio with 95 % confidence. *high* may be infinite."""

    value: float
    low: float
    high: float


def ratio_of(some: int, all_: int, some0: int, all0: int, level: float = LEVEL) -> Ratio | None:
    """
    Return the share of *some* in *all_* over that of *some0* in *all0*; None if nothing can be said of it.

    Koopman (1984), "Confidence intervals for the ratio of two binomial proportions", Biometrics 40: by the score
    test, so it says something where nobody is left in whom something is found, as after a fix that helped.
    (SciPy's and statsmodels' would be the same; loading either takes more memory than all of the server.)
    """
    if not all_ or not all0 or not (some or some0):
        return None
    value = some / all_ / (some0 / all0) if some0 else inf
    most = NormalDist().inv_cdf(0.5 + level / 2) ** 2

    def outside(ratio: float) -> bool:
        return _misfit(ratio, some, all_, some0, all0) > most

    low = 0.0 if not some else _edge(outside, value if some0 else 1e9, up=False)
    high = inf if not some0 else _edge(outside, value if some else 1e-9, up=True)
    return Ratio(value, low, high)


def _misfit(ratio: float, some: int, all_: int, some0: int, all0: int) -> float:
    """Return the score statistic (chi-squared, one degree) of the two shares under *ratio*."""
    a = (all_ + all0) * ratio
    b = -((all_ + some0) * ratio + some + all0)
    share0 = (-b - sqrt(max(0.0, b * b - 4 * a * (some + some0)))) / (2 * a)
    share = min(1.0, ratio * share0)
    spread = share * (1 - share) / all_ + ratio**2 * share0 * (1 - share0) / all0
    off = some / all_ - ratio * some0 / all0
    return off * off / spread if spread > 0 else (0.0 if off == 0 else inf)


def _edge(outside: Callable[[float], bool], inside: float, *, up: bool) -> float:
    """Return how far from *inside* one can go up or down before one is *outside*, by halving on a logarithmic scale."""
    factor = 2.0 if up else 0.5
    beyond = inside * factor
    while not outside(beyond) and 1e-12 < beyond < 1e12:
        inside, beyond = beyond, beyond * factor
    for _ in range(60):
        middle = sqrt(inside * beyond)
        inside, beyond = (inside, middle) if outside(middle) else (middle, beyond)
    return inside
