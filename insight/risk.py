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
class RiskRatio:
    """A *ratio* of risks, the interval that holds the true one with 95 % confidence, and *p* of none (1.0)."""

    ratio: float
    low: float
    high: float
    p: float


def risk_ratio(strata: Sequence[Stratum], level: float = LEVEL) -> RiskRatio | None:
    """
    Return how many times as often those who met it left as the others of the same stratum; None where nobody left, or all did.

    Mantel and Haenszel's ratio, whose variance (of its logarithm) is that of Greenland and Robins (1985), "Estimation
    of a common effect parameter from sparse follow-up data", Biometrics 41: right for few large strata and for many small ones.
    Where nobody left of either kind the ratio would be 0 or infinite: then it is that of half a leaver more of each kind.
    """
    told = [
        (float(one.left), float(one.met), float(one.others_left), float(one.others))
        for one in strata
        if one.met and one.others  # else there is nobody to compare with
    ]
    if not any(left or others_left for left, _, others_left, _ in told):
        return None
    met, others, spread = _sums(told)
    if not met or not others:
        met, others, spread = _sums(_halved(told))
    middle, error = log(met / others), sqrt(spread / (met * others))
    if not error:
        return None  # all left: there is nothing to be told
    half = NormalDist().inv_cdf(0.5 + level / 2) * error
    p = 2 * NormalDist().cdf(-abs(middle) / error)
    return RiskRatio(met / others, exp(middle - half), exp(middle + half), p)


_Table = tuple[float, float, float, float]
"""A stratum, perhaps with parts of sessions."""


def _sums(strata: Sequence[_Table]) -> tuple[float, float, float]:
    """Return what the ratio is made of: its two parts, and the numerator of its variance."""
    met = others = spread = 0.0
    for left, with_it, others_left, without in strata:
        all_ = with_it + without
        met += left * without / all_
        others += others_left * with_it / all_
        spread += (left + others_left) * with_it * without / all_**2 - left * others_left / all_
    return met, others, spread


def _halved(strata: Sequence[_Table]) -> list[_Table]:
    """
    Return *strata* with one session more of either kind, half of which left, spread over them by their size.

    For one stratum that is the correction of Haldane (1956), "The estimation and significance of the logarithm of a
    ratio of frequencies", Annals of Human Genetics 20.
    """
    whole = sum(with_it + without for _, with_it, _, without in strata)
    found = []
    for left, with_it, others_left, without in strata:
        part = (with_it + without) / whole
        found.append((left + part / 2, with_it + part, others_left + part / 2, without + part))
    return found


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
