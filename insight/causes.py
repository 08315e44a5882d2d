"""Why a step is left: which struggles those met who left more often than comparable ones, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.causes import BEEN_AT as BEEN
from core.causes import LEAST, MET_AT, SAW_AT, CauseStore, Encounters, Exposure, met_value
from core.model import SessionQuery
from insight.funnel import Pair
from insight.intervals import Share, share_of
from insight.risk import RiskRatio, adjusted, risk_ratio

LEAST_LEFT = 10
"""With fewer that left of those who met something and of comparable others, or fewer of either (LEAST), nothing is told."""

RATE = 0.05
"""Of what is called a cause so many are expected to be none."""

Verdict = Literal["cause", "open", "less", "few"]
"""Left more often, cannot be told, left less often, too few sessions."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much, and the interval that holds it with 95 % confidence."""

    middle: float
    low: float
    high: float

    def times(self, worth: float) -> Amount:
        """Return what it comes to where each is worth so much."""
        return Amount(self.middle * worth, self.low * worth, self.high * worth)


@dataclass(frozen=True, slots=True)
class Cause:
    """
    A *struggle* met on a *page* (empty: one of the process) at a step.

    *met* is the share of all at the step that met it; *left* of those who met it, *others* of those who did not (and
    saw the page), *completed* of those who met it and nevertheless reached the goal. *matched* of those who met it have
    comparable ones. *lost* are completions that there would be had they left as often as those.
    """

    struggle: str
    page: str
    verdict: Verdict
    met: Share
    left: Share
    others: Share
    completed: Share
    matched: int
    ratio: RiskRatio | None
    lost: Amount | None

    def pairs(self, at: str) -> tuple[Pair, ...]:
        """Return what lists the sessions that met it *at* a step."""
        return ((MET_AT, met_value(at, self.struggle, self.page)),)

    def other_pairs(self, at: str) -> tuple[Pair, ...]:
        """Return what lists the others, who did not."""
        saw = ((SAW_AT, f"{at} {self.page}"),) if self.page else ()
        return ((BEEN, at), *saw, (f"not_{MET_AT}", met_value(at, self.struggle, self.page)))


@dataclass(frozen=True, slots=True)
class Cost:
    """*completions* that were lost, and what those were *worth*, None if goals tell no value."""

    completions: Amount
    worth: Amount | None


def causes(counts: Encounters) -> list[Cause]:
    """Return what was met in *counts*: what is told to be a cause first, each by lost completions, most first."""
    ratios = [_ratio(one) for one in counts.exposures]
    told = [ratio.p for ratio in ratios if ratio is not None]
    chances = iter(adjusted(told))
    found = [
        _cause(counts, one, ratio, None if ratio is None else next(chances))
        for one, ratio in zip(counts.exposures, ratios, strict=True)
    ]
    return sorted(found, key=_rank)


async def cost(store: CauseStore, query: SessionQuery, struggle: str, process: str) -> Cost | None:
    """
    Return what *struggle* (its key) costs *process* among the sessions of *query*, at all steps at which it was met.

    None where too few met it to tell. The intervals of the steps are added, which makes the whole's no narrower than it is.
    """
    found: list[Cause] = []
    worth = None
    for name, step in await store.met_where(struggle, (process,)):
        counts = await store.encounters(query, name, step, struggle)
        found += causes(counts)
        worth = counts.worth
    all_ = lost(found)
    return None if all_ is None else Cost(all_, None if worth is None else all_.times(worth))


def lost(found: Iterable[Cause]) -> Amount | None:
    """Return what all of *found* cost, which are of different steps; None where that can be told of none."""
    known = [one.lost for one in found if one.lost is not None]
    if not known:
        return None
    return Amount(
        sum(one.middle for one in known), sum(one.low for one in known), sum(one.high for one in known)
    )  # fmt: skip


def _ratio(one: Exposure) -> RiskRatio | None:
    """Return the ratio of *one*, if there are enough to tell it."""
    met, others = sum(s.met for s in one.strata), sum(s.others for s in one.strata)
    gone = sum(s.left + s.others_left for s in one.strata)
    return risk_ratio(one.strata) if min(met, others) >= LEAST and gone >= LEAST_LEFT else None


def _cause(
    counts: Encounters, one: Exposure, ratio: RiskRatio | None, chance: float | None
) -> Cause:
    verdict: Verdict = "few"
    if ratio is not None and chance is not None:
        sure = chance <= RATE
        verdict = "open" if not sure else "cause" if ratio.ratio > 1 else "less"
    all_ = one.all
    return Cause(
        one.struggle,
        one.page,
        verdict,
        share_of(all_.met, counts.been),
        share_of(all_.left, all_.met),
        share_of(all_.others_left, all_.others),
        share_of(one.completed, all_.met),
        sum(stratum.met for stratum in one.strata),
        ratio,
        None if ratio is None else _lost(counts, one, ratio),
    )


def _lost(counts: Encounters, one: Exposure, ratio: RiskRatio) -> Amount:
    """
    Return how many completions are lost: of those who left, the part that would not have, and of these the share that gets on.

    The first part is the attributable fraction among the exposed, 1 - 1/ratio (Greenland and Robins 1988); the interval is that of
    the ratio. Who left less often lost nothing.
    """
    left = sum(stratum.left for stratum in one.strata)
    onward = counts.completed / counts.over if counts.over else 0.0

    def of(times: float) -> float:
        return left * max(0.0, 1 - 1 / times) * onward

    return Amount(of(ratio.ratio), of(ratio.low), of(ratio.high))


def _rank(one: Cause) -> tuple[object, ...]:
    places: Sequence[Verdict] = ("cause", "open", "less", "few")
    cost = -one.lost.middle if one.lost is not None else 0.0
    return (places.index(one.verdict), cost, -one.met.some, one.struggle, one.page)
