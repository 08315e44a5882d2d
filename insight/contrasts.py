"""Contrasts: how much greater a share of some is than that of others, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from insight.intervals import LEVEL, Share, share_of


@dataclass(frozen=True, slots=True)
class Contrast:
    """A share less that of others, from -1 to 1 (*points*), and the interval that holds the true difference with 95 % confidence."""

    points: float
    low: float
    high: float


def contrast_of(one: Share, other: Share, level: float = LEVEL) -> Contrast:
    """
    Return *one* less *other*, shares of sessions that have nothing to do with one another, with its interval.

    Newcombe (1998), "Interval estimation for the difference between independent proportions", Statistics in Medicine 17,
    method 10: from the score intervals of the two. If either is of nothing the difference may be anything.
    """
    one, other = share_of(one.some, one.all, level), share_of(other.some, other.all, level)
    if not one.all or not other.all:
        return Contrast(one.share - other.share, -1.0, 1.0)
    points = one.share - other.share
    low = points - sqrt((one.share - one.low) ** 2 + (other.high - other.share) ** 2)
    high = points + sqrt((one.high - one.share) ** 2 + (other.share - other.low) ** 2)
    return Contrast(points, max(-1.0, low), min(1.0, high))
