"""
Finds what a session met at which step of its walk (core/causes.py). Pure.

Owns when somebody is at a step, and which struggles are only another word for having left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from core.causes import BEEN_AT, MET_AT, SAW_AT, met_value, place
from core.model import Event, Flag
from core.struggles import struggle_key
from core.walks import Walk
from detector.steps import Hit

MOST = 100
"""Values of one field of one session that are kept."""

PATH_MAX = 200
"""Characters of a path that are kept, as of all that sessions are found by."""

NEVER_MS = 1 << 53


@dataclass(frozen=True, slots=True)
class At:
    """Was at *step* from *since_ms* until before *until_ms* (event time), and what came of it is known."""

    step: str
    since_ms: int
    until_ms: int


def ats(walk: Walk, order: Sequence[str], *, ended: bool) -> list[At]:
    """
    Return where *walk* was at, in the order of time; *order* are the steps as declared.

    Nobody is at a step any more who has completed. While a session runs (not *ended*), what comes of the last one is open.
    """
    done = NEVER_MS if walk.completed_ms is None else walk.completed_ms
    began: list[tuple[str, int]] = []
    for step, at in walk.steps:
        behind = not began or order.index(step) > order.index(began[-1][0])
        if behind and at < done:
            began.append((step, at))
    if not began:  # came in at the goal: a page before it was not recorded, or there is none
        return []
    untils = [*(at for _, at in began[1:]), done]
    found = [At(step, at, until) for (step, at), until in zip(began, untils, strict=True)]
    return found if ended or walk.completed_ms is not None else found[:-1]


def met_terms(
    walk: Walk,
    order: Sequence[str],
    hits: Sequence[Hit],
    events: Sequence[Event],
    flags: Sequence[Flag],
    waiting: Collection[str],
    endings: Collection[str],
    *,
    ended: bool,
) -> list[tuple[str, str]]:
    """
    Return what a session is found by for what it met and saw at the steps of its *walk*.

    *hits* are the steps as they came. What a rule of those *waiting* tells with the last of *events* says in other
    words that the visit ended, and what one of *endings* tells, that the goal did not come: that caused nothing.
    """
    own = {hit.event.get("path") or "" for hit in hits}
    last_ms = round(events[-1]["ts"])
    causes = [
        one
        for one in flags
        if one.rule not in endings and (one.rule not in waiting or round(one.at_ms) < last_ms)
    ]
    terms: dict[str, dict[str, None]] = {BEEN_AT: {}, MET_AT: {}, SAW_AT: {}}
    for at in ats(walk, order, ended=ended):
        here = place(walk.process, at.step)
        terms[BEEN_AT] |= dict.fromkeys((walk.process, here))
        for page in _elsewhere(events, at, own):
            terms[SAW_AT][f"{here} {page}"] = None
        for flag in causes:
            if at.since_ms <= round(flag.at_ms) < at.until_ms:
                page = "" if (flag.page or "") in own or not flag.page else flag.page[:PATH_MAX]
                terms[MET_AT] |= dict.fromkeys(
                    (
                        walk.process,
                        here,
                        met_value(walk.process, struggle_key(flag)),
                        met_value(here, struggle_key(flag), page),
                    )
                )
                if page:
                    terms[SAW_AT][f"{here} {page}"] = None
    return [(name, value) for name, values in terms.items() for value in [*values][:MOST]]


def _elsewhere(events: Sequence[Event], at: At, own: Collection[str]) -> Iterator[str]:
    """Give the pages that were opened while *at* a step and on which no step came."""
    for event in events:
        path = event.get("path") or ""
        seen = event["type"] == "page" and path and path not in own
        if seen and at.since_ms <= round(event["ts"]) < at.until_ms:
            yield path[:PATH_MAX]
