"""What counts as met at a step: not what only says in other words that somebody left, or has not completed."""

from __future__ import annotations

from typing import Any

import pytest

from core.causes import MET_AT
from core.model import Flag
from core.walks import Walk
from detector.loader import read_rules
from detector.steps import Hit, Steps
from insight.met import met_terms

RULES = """
version: 1
macros:
  ordered: {event: custom, where: {name: order_placed}}
processes:
  order:
    title: Order
    steps:
      pay: {event: page, where: {path: /pay}}
      done: $ordered
  terms:
    title: Terms read
    steps:
      open: {event: page, where: {path: /terms}}
      read: {event: custom, where: {name: read}}
rules:
  - {id: rage, title: Rage, match: {event: click, times: 3, within: 1s}}
  - id: gave_up
    title: Gave up
    process: {use: order, reached: pay, not: done, within: 30m, or_end: true}
  - id: no_order
    title: No order
    sequence:
      - {event: page, where: {path: /pay}}
      - {absent: {event: [message, $ordered]}, within: 10m}
  - id: after_rage
    title: Gave up after rage
    sequence:
      - {event: flag, where: {rule: rage}}
      - {event: flag, within: 31m, where: {rule: [gave_up, no_order]}}
  - id: twice
    title: After that once more
    match: {event: flag, where: {rule: after_rage}, times: 2}
  - id: other
    title: Anything but giving up
    sequence:
      - {event: page}
      - {event: flag, within: 1m, where: {severity: high, rule: {not: [gave_up, no_order, after_rage, twice, unread]}}}
  - id: unread
    title: Left without a word
    sequence:
      - {event: page, where: {path: /terms}}
      - {absent: scroll, or_end: true}
"""


def steps() -> Steps:
    rules, issues = read_rules([], {"rules.yaml": RULES})
    assert [] == [str(one) for one in issues if one.level == "error"]
    return Steps(rules)


def test_rules_that_lack_the_goal_are_known_by_process() -> None:
    """By a process or an absence of their own, and what a flag of theirs completes, step by step; of no other process."""
    found = steps()

    assert {"gave_up", "no_order", "after_rage", "twice"} == found.endings["order"]
    assert set() == found.endings["terms"]
    assert {"gave_up", "after_rage", "twice", "unread"} == found.waiting


def flag(rule: str, at: int) -> Flag:
    return Flag(
        f"{rule}-{at}", "v", "s", rule, "1", "", 0, {}, "high", 1.0, at, at, at, 1, "/pay", None, "t", "l", (), {},
        provisional=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "at", "counts"),
    [
        ("rage", 3_000, True),
        ("rage", 9_000_000, True),  # the very last, but it waits for nothing
        ("unread", 3_000, True),  # in the middle of the visit
        ("unread", 9_000_000, False),
        ("gave_up", 1_800_000, False),  # half an hour without an order, and they went on
        ("gave_up", 9_000_000, False),
        ("no_order", 600_000, False),
        ("after_rage", 1_800_000, False),
        ("other", 3_000, True),
    ],
)
def test_what_says_that_they_left_was_not_met(rule: str, at: int, *, counts: bool) -> None:
    """A flag of a rule that lacks the goal, ever; of one that waits for the visit's end, if that decided it."""
    events: list[dict[str, Any]] = [
        {"type": "page", "ts": 0.0, "path": "/pay"},
        {"type": "leave", "ts": 9_000_000.0, "path": "/pay"},
    ]
    walk = Walk("v", "order", (("pay", 0),), furthest="pay", stops=("pay",))
    found = steps()
    terms = met_terms(
        walk, ("pay", "done"), [Hit("pay", 0.0, events[0])], events, [flag(rule, at)],
        found.waiting, found.endings["order"], ended=True,
    )  # fmt: skip

    assert counts == any(name == MET_AT for name, _ in terms)
