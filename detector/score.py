"""
What the flags of a session add up to: 0 to 100, with every term that went into it.

Pure: flags and facts in, score out, whatever the order. One incident is billed once, repeats
count less and less, and where it happened and what came of it changes what it weighs. What
is critical and what is a goal is YAML (`score:` in rule files), how much a flag weighs its rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum

from core.model import Flag, Score, ScoreTerm
from detector.facts import Facts
from detector.patterns import glob
from detector.rule import Scoring

SCALE = 12.0
"""Points at which a session reaches 63 of 100: a rage click and an error click on two things."""

INCIDENT_MS = 2_000
"""Flags on one target that lie this near to one another are about the same trouble."""

SHARED_MS = 60_000
"""
Flags that rest on the same event are one incident only this near: a checkout given up half
an hour after a rage click builds on that click, but is another matter.
"""

OTHERS = 0.25
"""What further flags of an incident count, beside the one that counts most."""

LEFT_MS = 10_000
GOAL_MS = 30_000

CRITICAL, LEFT, SUCCEEDED = 1.5, 1.25, 0.5


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A flag with what it would count alone."""

    flag: Flag
    target: str
    repeat: float
    context: dict[str, float]
    points: float


class Scorer:
    """Scores sessions under one `score:` section. Holds no session."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring
        self._critical = glob(scoring.critical_paths)

    def score(self, flags: Sequence[Flag], facts: Facts) -> Score:
        """Return the score of a session with *flags*, of which *facts* are known."""
        standing = sorted(
            (flag for flag in flags if flag.withdrawn is None), key=lambda f: (f.at_ms, f.id)
        )
        weighed = self._weighed(standing, facts)
        terms: list[ScoreTerm] = []
        for number, members in enumerate(_incidents(weighed), 1):
            most = max(members, key=lambda w: w.points)  # the earliest of equals
            terms += [_term(w, number, 1.0 if w is most else OTHERS) for w in members]
        points = fsum(term.points for term in terms)
        return Score(value_of(points), round(points, 6), tuple(terms))

    def _weighed(self, flags: Sequence[Flag], facts: Facts) -> list[_Weighed]:
        seen: dict[tuple[str, str], int] = {}
        found: list[_Weighed] = []
        for flag in flags:
            target = target_of(flag)
            nth = seen.get((flag.rule, target), 0)
            seen[flag.rule, target] = nth + 1
            repeat = 0.5**nth
            context = self._context(flag, facts)
            points = flag.weight * repeat
            for factor in context.values():
                points *= factor
            found.append(_Weighed(flag, target, repeat, context, points))
        return found

    def _context(self, flag: Flag, facts: Facts) -> dict[str, float]:
        found: dict[str, float] = {}
        if self._critical(flag.page) or facts.under_way(flag.at_ms):
            found["critical"] = CRITICAL
        if facts.left(flag.page, flag.tab, flag.at_ms, flag.at_ms + LEFT_MS):
            found["left"] = LEFT
        goals = self._scoring.goals
        if any(
            not goals[number].rules or flag.rule in goals[number].rules
            for number in facts.reached(flag.at_ms, flag.at_ms + GOAL_MS)
        ):
            found["succeeded"] = SUCCEEDED
        return found


def value_of(points: float) -> int:
    """Return the score that *points* come to, 0 to 100."""
    return round(100 * (1 - exp(-points / SCALE)))


def target_of(flag: Flag) -> str:
    """Return the key of what *flag* is about: its target or, without one, its group or page."""
    key = (flag.target or {}).get("key")
    return str(key) if key else flag.group or flag.page or ""


def _term(weighed: _Weighed, incident: int, share: float) -> ScoreTerm:
    flag = weighed.flag
    return ScoreTerm(
        flag=flag.id,
        rule=flag.rule,
        version=flag.version,
        target=weighed.target,
        at_ms=flag.at_ms,
        weight=flag.weight,
        incident=incident,
        repeat=weighed.repeat,
        context=weighed.context,
        share=share,
        points=round(weighed.points * share, 6),
    )


def _incidents(weighed: Sequence[_Weighed]) -> list[list[_Weighed]]:
    """Return *weighed* in groups, each one incident, by the time of its first flag."""
    root = list(range(len(weighed)))

    def top(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for one, other in _together(weighed):
        first, second = sorted((top(one), top(other)))
        root[second] = first
    groups: dict[int, list[_Weighed]] = {}
    for index, item in enumerate(weighed):
        groups.setdefault(top(index), []).append(item)
    return list(groups.values())


def _together(weighed: Sequence[_Weighed]) -> list[tuple[int, int]]:
    """Return pairs of flags that belong together: they share an event or, soon, a target."""
    by_event: dict[str, list[int]] = {}
    by_target: dict[str, list[int]] = {}
    for index, item in enumerate(weighed):
        for event in item.flag.evidence:
            by_event.setdefault(event.event, []).append(index)
        if (item.flag.target or {}).get("key"):
            by_target.setdefault(item.target, []).append(index)
    pairs: list[tuple[int, int]] = []
    for near, groups in ((SHARED_MS, by_event), (INCIDENT_MS, by_target)):
        for indices in groups.values():
            pairs += _near([(weighed[i].flag, i) for i in indices], near)
    return pairs


def _near(found: Sequence[tuple[Flag, int]], near: float) -> list[tuple[int, int]]:
    """
    Return pairs that join all of *found*, by time, that lie within *near* ms of one another.

    A burst lasts from when it was raised to its last hit.
    """
    pairs: list[tuple[int, int]] = []
    last, lasting = found[0]
    for flag, index in found[1:]:
        if flag.at_ms - max(last.at_ms, last.until_ms) <= near:
            pairs.append((lasting, index))
        if max(flag.at_ms, flag.until_ms) >= max(last.at_ms, last.until_ms):
            last, lasting = flag, index
    return pairs
