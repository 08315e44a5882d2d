"""
How many times as often something happens to those who met something as to comparable ones who did not.

Owns the statistics, of a few lines, which the tests hold against SciPy's and statsmodels' (a server that loaded
either would take 90 MB more).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

from core.causes import Stratum
from insight.intervals import LEVEL


@dataclass(frozen=True, slots=True)
class Ratio:
    """A *ratio* of risks, the interval that holds the true one with 95 % confidence, and *p* of none (1.0)."""

    ratio: float
    low: float
    high: float
    p: float


def risk_ratio(strata: Sequence[Stratum], level: float = LEVEL) -> Ratio | None:
    """
    Return how many times as often those who met it left as the others of the same stratum; None where nobody left of either.

    Mantel and Haenszel's ratio, whose variance (of its logarithm) is that of Greenland and Robins (1985), "Estimation
    of a common effect parameter from sparse follow-up data", Biometrics 41: right for few large strata and for many small ones.
    """
    met = others = spread = 0.0
    for one in strata:
        all_ = one.met + one.others
        if not one.met or not one.others:
            continue  # nobody to compare with
        met += one.left * one.others / all_
        others += one.others_left * one.met / all_
        gone = one.left + one.others_left
        spread += gone * one.met * one.others / all_**2 - one.left * one.others_left / all_
    if not met or not others:
        return None
    middle, error = log(met / others), sqrt(spread / (met * others))
    if not error:
        return None  # all left: there is nothing to be told
    half = NormalDist().inv_cdf(0.5 + level / 2) * error
    p = 2 * NormalDist().cdf(-abs(middle) / error)
    return Ratio(met / others, exp(middle - half), exp(middle + half), p)


def adjusted(chances: Sequence[float]) -> list[float]:
    """
    Return *chances* (p) of several tests as they are when asked all at once, in the same order.

    Of those up to 0.05 then no more than 5 % are expected to be chance: Benjamini and Hochberg (1995), "Controlling
    the false discovery rate", Journal of the Royal Statistical Society B 57.
    """
    order = sorted(range(len(chances)), key=lambda nth: -chances[nth])
    found, least = [1.0] * len(chances), 1.0
    for above, nth in enumerate(order):
        least = min(least, chances[nth] * len(chances) / (len(chances) - above))
        found[nth] = least
    return found
