"""Why a rule flagged or did not: the demand that decided it, in the words of the rule file."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Session
from detector.explain import Explained, explain
from detector.loader import load_rules, shipped_rules
from detector.rule import RuleSet
from detector.testing import events_of
from tests.detector.helpers import Event, at, click, numbered, rule, rules, text
from tests.detector.test_live import IDLE, NOW, batch, session

SHIPPED = load_rules([shipped_rules()])


def why(set_: RuleSet, events: list[Event], name: str = "x", **more: Any) -> Explained:
    """Return what rule *name* made of a session with *events*."""
    subject: Session = session(end_kind="idle", ended_ms=NOW, **more)
    return explain(
        set_, name, subject, [batch(1, numbered(events))], flush_ms=5000, idle_timeout_ms=IDLE
    )


def missed(set_: RuleSet, events: list[Event], name: str = "x", **more: Any) -> tuple[str, str]:
    """Return kind and text of the miss; there must be no flag."""
    found = why(set_, events, name, **more)
    assert found.miss is not None
    return found.miss.kind, found.miss.text


def test_flag_names_its_events_and_the_values_seen() -> None:
    """Each event of a flag has every condition that it met, with the value."""
    set_ = rule(
        "match: {event: click, where: {answered_ms: {gt: 500}, pending: false}, times: 2, within: 1s}"
    )

    found = why(set_, [click(0, answered_ms=900), click(400, answered_ms=700)])

    flag = found.flags[0]
    assert found.miss is None
    assert "2 events within 0.4 s (asked: 2 within 1s)" == flag.summary
    assert [("load:0", 0.0), ("load:1", 400.0)] == [(e.id, e.after_ms) for e in flag.events]
    assert [
        ("answered_ms: {gt: 500}", "900", True), ("pending: false", "false (absent)", True),
    ] == [(c.text, c.actual, c.held) for c in flag.events[0].checks]  # fmt: skip


def test_each_step_of_a_sequence_is_shown_with_what_it_was_compared_to() -> None:
    """A step that refers to an earlier one shows both values."""
    set_ = rule(
        "sequence:\n  - {event: form, as: s, where: {outcome: refused}}\n"
        "  - {event: field, within: 5m, where: {form: {same_as: s.form}, cleared: true}}"
    )

    found = why(
        set_,
        [at(0, "form", outcome="refused", form="f"), at(9000, "field", form="f", cleared=True)],
    )

    assert [1, 2] == [event.step for event in found.flags[0].events]
    assert ("form: {same_as: s.form}", "f (s.form: f)") == (
        found.flags[0].events[1].checks[0].text, found.flags[0].events[1].checks[0].actual,
    )  # fmt: skip


COUNT = "match: {event: click, where: {answered_ms: {exists: false}}, times: 3, within: 2s, same: target}"
ORDER = (
    "sequence:\n  - {event: page, where: {path: /pay}}\n"
    "  - {event: form, within: 10s, where: {outcome: refused}}\n"
    "  - {event: leave, within: 5s}\n"
)
WAIT = (
    "sequence:\n  - {event: page, where: {path: /pay}}\n"
    "  - {absent: {event: custom, where: {name: order_placed}}, within: 10m}\n"
)


@pytest.mark.parametrize(
    ("body", "events", "kind", "part"),
    [
        (COUNT, [click(0), click(500)], "times", "at most 2 of 3 came within 2s"),
        (COUNT, [click(0), click(900), click(2900)], "within", "3 came, but over 2.9 s; within 2s is asked"),
        (COUNT, [click(0, "a"), click(300, "b"), click(600, "c")], "same", "not with the same target.key"),
        (COUNT, [click(0, answered_ms=20)], "conditions", "answered_ms: {exists: false}, but it is 20"),
        (COUNT, [at(0, "page")], "no_event", "no event click came"),
        (COUNT + "\nuntil: page", [click(0), click(500), at(600, "page"), click(900)], "cleared", "until (page) started it over: page came at +0.6 s"),
        (COUNT + "\nexcept: {path: /admin*}", [click(n, path="/admin/x") for n in (0, 1, 2)], "silenced", "path: {not: {glob: /admin*}}, but it is /admin/x"),
        (COUNT + "\nscope: {device: mobile}", [click(n) for n in (0, 1, 2)], "silenced", "device: mobile, but it is absent"),
        (COUNT, [click(n, target_path=[{"tag": "div", "ignore": "x"}]) for n in (0, 1, 2)], "ignored", 'data-stolper-ignore="x"'),
        ("match: {event: click, times: 4, within: 1s, share: {where: {answered_ms: {lte: 300}}, lte: 0.5}}",
         [click(n * 10, answered_ms=20) for n in range(4)], "share", "4 of 4 have answered_ms: {lte: 300} (at most 50% may)"),
        ("match: {event: page, alternates: path, times: 4, within: 1m}",
         [at(n * 9, "page", path=p) for n, p in enumerate("abca")], "alternates", "does not go A, B, A, B"),
        ("match: {event: page, distinct: path, times: 3, within: 1m}",
         [at(n * 9, "page", path="a") for n in range(3)], "distinct", "not 3 different values of path"),
        ("match: {event: click, times: 2, within: 1s}\nthresholds: [{when: {pointer: touch}, set: {times: 4}}]",
         [click(n * 9, pointer="touch") for n in range(2)], "threshold", "when pointer: touch: times 4"),
        (ORDER, [at(0, "page", path="/pay"), at(900, "form", outcome="accepted")], "steps",
         "step 1 of 3 came by +0 s, but then no form met its conditions; the nearest (+0.9 s): outcome: refused, but it is accepted"),
        (ORDER, [at(0, "page", path="/pay"), at(900, "form", outcome="refused")], "steps", "step 2 of 3 came by +0.9 s, but then no event leave came"),
        (ORDER, [at(0, "page", path="/pay"), at(12_000, "form", outcome="refused"), at(13_000, "leave")], "within",
         "over 13 s: step 2 within 10s, step 3 within 5s"),
        (ORDER, [at(0, "page", path="/pay"), at(12_000, "form", outcome="refused")], "steps",
         "the next form (+12 s) did not count: it came 12 s after the step before; within 10s is asked"),
        (ORDER, [at(0, "page", path="/")], "conditions", "path: /pay, but it is /"),
        (WAIT, [at(0, "page", path="/pay"), at(90_000, "custom", name="order_placed")], "answered",
         "1:30 min later: custom order_placed at +1:30 min"),
        (WAIT, [at(0, "page", path="/pay"), at(60_000, "leave", kind="close")], "undecided",
         "the session ended (idle) 1:00 min later before 10m were over; without or_end the end decides nothing"),
        ("sequence:\n  - click\n  - {absent: page, within: 5s}\n  - {event: error, within: 9s}",
         [click(0), at(100, "page"), at(200, "error")], "interrupted", "page within 5s"),
    ],
)  # fmt: skip
def test_miss_names_the_demand_that_decided(
    body: str, events: list[Event], kind: str, part: str
) -> None:
    """For each demand of a rule there is a miss that names it, with what was asked and seen."""
    found = missed(rule(body), events)

    assert (kind, True) == (found[0], part in found[1]), found


def test_replaced_flag_says_by_what() -> None:
    """A rule whose flag another one stands for was met all the same; both ways round."""
    set_ = rules(
        text("match: {event: click, times: 2, within: 1s}\nsuppresses: [x]", name="big"),
        text("match: click\nflag: every\ncooldown: 1ms"),
    )

    assert ("replaced", True) == (
        (found := missed(set_, [click(0), click(500)]))[0], "replaced by big" in found[1],
    )  # fmt: skip


def test_shipped_rules_explain_themselves() -> None:
    """A burst that is answered at once is no rage: the miss of rage_click says so."""
    presses = [
        click(n * 150, "plus", answered_ms=12, target={"interactive": True}) for n in range(5)
    ]

    kind, sentence = missed(SHIPPED, presses, "rage_click")

    assert ("share", "5 of 5 have answered_ms: {lte: 300} (at most 59% may)") == (
        kind, sentence.split("but ", 1)[1],
    )  # fmt: skip


def test_flag_of_a_flag_is_explained() -> None:
    """A rule on rules shows the flags that it saw."""
    set_ = rules(
        text("match: {event: click, times: 2, within: 1s}\nseverity: low", name="a"),
        text("match: {event: flag, where: {rule: a, severity: high}}"),
    )

    assert "severity: high, but it is low" in missed(set_, [click(0), click(100)])[1]


def test_every_kind_of_shipped_rule_says_why_it_stayed_silent() -> None:
    """Of sessions like the silent examples each has a reason, or is flagged after all."""
    silent = [example for example in SHIPPED.examples if not example.expect][::9]
    for source in silent:
        stored = [e for e in events_of(source) if not isinstance(e, float)]
        events = [{**e, "page_load": "load"} for e in stored if e["type"] != "session_end"]

        found = why(SHIPPED, events, source.rule, attributes=dict(source.session))

        standing = [flag for flag in found.flags if flag.withdrawn is None]
        assert (found.miss is None) == bool(standing), source.name
        assert found.miss is None or (found.miss.kind != "unknown" and found.miss.text), source.name


def test_process_under_way_is_told_with_its_step() -> None:
    """A rule that is silent within a process names the step that it had reached."""
    top = (
        "processes:\n  checkout:\n    steps:\n      entered: {event: page, where: {path: /pay}}\n"
        "      paid: {event: custom, where: {name: order_placed}}\n"
    )
    set_ = rule("match: {event: click}\nexcept: {process: [checkout]}", top=top)

    kind, sentence = missed(set_, [at(0, "page", path="/pay"), click(900)])

    assert ("silenced", True) == (kind, "but it is checkout at step entered" in sentence), sentence
