"""
What a rule demands beside its events, one by one, and how to leave each out.

Owns the list and its sentences. Trying them is detector/whatif.py, telling detector/explain.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from detector import whatif
from detector.book import Raised
from detector.rule import Rule
from detector.words import absence_text, lasting, span, threshold_text


def demands(rule: Rule) -> Iterator[tuple[str, whatif.Edit, Callable[[Raised], str]]]:
    """Yield what *rule* demands beside its events: a word, the rule without it, the sentence."""
    counting, step = rule.counting, rule.steps[0]
    if rule.thresholds:
        tests = "; ".join(map(threshold_text, rule.thresholds))
        yield (
            "threshold",
            whatif.without(thresholds=()),
            lambda _: f"enough came for the rule itself, but a threshold asks for more: {tests}",
        )
    if counting is None:
        yield (
            "interrupted",
            whatif.unbroken,
            lambda _: (
                "all steps came, but something came in between that must not: "
                + "; ".join(absence_text(s.absent_before) for s in rule.steps if s.absent_before)
            ),
        )
        yield (
            "within",
            whatif.untimed,
            lambda hit: (
                f"all steps came in order, but over {lasting(hit.at - hit.first)}: "
                + ", ".join(_windows(rule))
            ),
        )
        return
    if counting.share is not None:
        yield "share", whatif.counting(share=None), lambda _: ""
    if counting.alternates is not None:
        name = counting.alternates
        yield (
            "alternates",
            whatif.counting(alternates=None),
            lambda _: f"{step.times} came, but {name} does not go A, B, A, B",
        )
    if counting.distinct is not None:
        name = counting.distinct
        yield (
            "distinct",
            whatif.counting(distinct=None),
            lambda _: f"{step.times} came, but not {step.times} different values of {name}",
        )
    if counting.same is not None:
        name = counting.same
        yield (
            "same",
            whatif.counting(same=None, near_px=None),
            lambda _: f"{step.times} came in time, but not with the same {name}",
        )
    if step.within_ms is not None:
        asked = span(step.within_ms)
        yield (
            "within",
            whatif.untimed,
            lambda hit: (
                f"{step.times} came, but over {lasting(hit.at - hit.first)}; within {asked} is asked"
            ),
        )


def _windows(rule: Rule) -> Iterator[str]:
    for number, step in enumerate(rule.steps, 1):
        if step.within_ms is not None:
            yield f"step {number} within {span(step.within_ms)}"
    if rule.within_ms is not None:
        yield f"all within {span(rule.within_ms)}"
