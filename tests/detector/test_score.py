"""The session score: the table of examples, incidents, repeats, context, and its properties."""

from __future__ import annotations

import random
import sys
from math import exp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model import Evidence, Flag, Score, band_of
from detector.engine import Engine
from detector.facts import NONE, Facts
from detector.rule import Goal, Matcher, Scoring
from detector.score import Scorer, value_of
from tests.detector.helpers import START, Event, at, click, rules, text

CHECKOUT = Scoring(critical_paths=("/checkout*",), critical_processes=("checkout",))


def flag(rule: str, weight: float, at_ms: float = 0, target: str = "", **more: Any) -> Flag:
    """Return a flag raised *at_ms* after the start."""
    events = more.pop("events", ())
    found: dict[str, Any] = {
        "id": f"{rule}/{at_ms}/{target}", "session": "s", "site": "site", "rule": rule,
        "version": "v", "group": "", "nth": 0, "title": {}, "severity": "high",
        "weight": weight, "at_ms": at_ms, "first_ms": at_ms, "until_ms": at_ms, "hits": 1,
        "page": "/", "target": {"key": target} if target else None, "tab": "tab",
        "page_load": "load", "captures": {}, "provisional": False,
        "evidence": tuple(Evidence(f"load:{i}", at_ms, "click", "/") for i in events),
    }  # fmt: skip
    return Flag(**{**found, **more})


def score(*flags: Flag, scoring: Scoring = CHECKOUT, facts: Facts = NONE) -> Score:
    """Return the score of *flags*."""
    return Scorer(scoring).score(flags, facts)


def left(at_ms: float, page: str = "/") -> Facts:
    """Return the facts of a session whose *page* was left at *at_ms*."""
    facts = Facts()
    facts.note_leave(at_ms, {"kind": "close", "path": page, "tab": "tab"})
    return facts


HOUR = 3_600_000.0

TABLE = {
    "one dead click": ([flag("dead_click", 2, target="pay")], NONE, 2.0, 15, "low"),
    "quick backs ×3": (
        [flag("quick_back", 1, n * 60_000, page=f"/{n}") for n in range(3)], NONE, 3.0, 22, "low",
    ),
    "one rage burst with its dead click": (
        [flag("rage_click", 6, 600, "pay", events=(0, 1, 2, 3)),
         flag("dead_click", 2, 0, "pay", events=(0,))],
        NONE, 6.5, 42, "medium",
    ),
    "validation loop in checkout": (
        [flag("validation_loop", 6, page="/checkout/address")], NONE, 9.0, 53, "high",
    ),
    "rage and error click, then error exit": (
        [flag("rage_click", 6, 0, "pay"), flag("error_click", 5, 900, "pay"),
         flag("error_exit", 6, 60_000)],
        left(60_000), 14.75, 71, "high",
    ),
    "two declines, checkout abandoned after struggle": (
        [flag("payment_decline_repeat", 7, 0, page="/checkout/pay"),
         flag("checkout_abandon_after_struggle", 8, HOUR / 2, page="/checkout/pay", first_ms=0,
              events=(1,))],
        NONE, 22.5, 85, "severe",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_table_of_examples(name: str) -> None:
    """The examples that define the score come to the points, score and band that they name."""
    flags, facts, points, value, band = TABLE[name]
    found = score(*flags, facts=facts)

    assert (points, value, band) == (found.points, found.value, band_of(found.value))


def test_flags_that_share_an_event_are_one_incident() -> None:
    """Rage, dead and error on one press: the heaviest counts, the others a quarter."""
    found = score(
        flag("rage_click", 6, 500, events=(0, 1, 2)),
        flag("dead_click", 2, 0, events=(0,)),
        flag("error_click", 5, 800, events=(2,)),
        flag("js_error", 1, 900, events=(9,)),
    )

    assert 6 + 0.25 * 7 + 1 == found.points
    assert [(1, 0.25), (1, 1.0), (1, 0.25), (2, 1.0)] == [
        (t.incident, t.share) for t in found.terms
    ]


def test_flags_on_one_target_are_one_incident_within_two_seconds() -> None:
    """At 2000 ms it is the same trouble, a millisecond later another; a burst lasts to its end."""
    near = score(flag("a", 6, 0, "pay"), flag("b", 2, 2000, "pay"))
    far = score(flag("a", 6, 0, "pay"), flag("b", 2, 2001, "pay"))
    lasting = score(flag("a", 6, 0, "pay", until_ms=5000), flag("b", 2, 6500, "pay"))
    other = score(flag("a", 6, 0, "pay"), flag("b", 2, 10, "cart"))

    assert [6.5, 8.0, 6.5, 8.0] == [near.points, far.points, lasting.points, other.points]


def test_what_builds_on_an_old_flag_is_an_incident_of_its_own() -> None:
    """A checkout abandoned half an hour after a rage click shares its events, not its incident."""
    found = score(flag("a", 6, 0, events=(1,)), flag("b", 8, HOUR / 2, events=(1,), first_ms=0))

    assert 14.0 == found.points


def test_repeats_count_less_and_less() -> None:
    """The same rule on the same target counts 1, ½, ¼ …, never twice its weight in all."""
    flags = [flag("dead_click", 2, n * HOUR, "pay") for n in range(30)]
    found = score(*flags)

    assert [1.0, 0.5, 0.25] == [term.repeat for term in found.terms[:3]]
    assert 3.9 < found.points <= 4.0
    assert 4.0 == score(flags[0], flag("dead_click", 2, HOUR, "cart")).points


def test_context_changes_what_a_flag_counts() -> None:
    """Critical pages and processes, a page left within 10 s, a goal within 30 s; the bounds count."""
    goals = Scoring(
        critical_paths=("/login",),
        goals=(Goal(Matcher(())), Goal(Matcher(()), rules=("other",))),
    )

    def context(facts: Facts, **more: Any) -> dict[str, float]:
        return score(flag("a", 4, 1000, **more), scoring=goals, facts=facts).terms[0].context

    reached, others, at_once, process = Facts(), Facts(), Facts(), Facts()
    reached.note_goal(31_000, 0)
    others.note_goal(2000, 1)
    at_once.note_goal(1000, 0)
    process.note_step(500, "checkout", False)
    process.note_step(1001, "checkout", True)

    assert {"critical": 1.5} == context(NONE, page="/login")
    assert {"critical": 1.5} == context(process)
    assert {"left": 1.25} == context(left(11_000))
    assert {} == context(left(11_001)) == context(left(999)) == context(left(2000, "/other"))
    assert {"succeeded": 0.5} == context(reached)
    assert {} == context(others) == context(at_once)
    both = score(flag("a", 4, 1000, page="/login"), scoring=goals, facts=left(2000, "/login"))
    assert 4 * 1.5 * 1.25 == both.points


def test_withdrawn_flags_count_nothing() -> None:
    """What was replaced or withdrawn is no term."""
    assert Score(0, 0.0, ()) == score(flag("a", 6, withdrawn="replaced by b"))


@st.composite
def some_flags(draw: st.DrawFn) -> list[Flag]:
    """Return flags that meet in targets, events and time."""
    found: dict[str, Flag] = {}
    for _ in range(draw(st.integers(0, 12))):
        rule = draw(st.sampled_from(["a", "b", "c"]))
        one = flag(
            rule,
            draw(st.sampled_from([0.0, 1.0, 2.0, 6.0, 8.0])),
            float(draw(st.integers(0, 40)) * 500),
            draw(st.sampled_from(["", "pay", "cart"])),
            events=tuple(draw(st.lists(st.integers(0, 5), max_size=3))),
            page=draw(st.sampled_from(["/", "/checkout"])),
        )
        found[one.id] = one
    return list(found.values())


@settings(max_examples=300, deadline=None)
@given(some_flags(), st.randoms(use_true_random=False))
def test_score_does_not_depend_on_the_order(flags: list[Flag], rng: random.Random) -> None:
    """Flags in any order come to the same score with the same terms."""
    shuffled = list(flags)
    rng.shuffle(shuffled)

    assert score(*flags) == score(*shuffled)


@settings(max_examples=300, deadline=None)
@given(some_flags())
def test_score_is_bounded_and_made_of_its_terms(flags: list[Flag]) -> None:
    """0 to 100, one term a flag, points that add up, one leader an incident; repeats are bounded."""
    found = score(*flags)

    assert 0 <= found.value <= 100
    assert round(100 * (1 - exp(-found.points / 12))) == found.value
    assert sorted(f.id for f in flags) == sorted(term.flag for term in found.terms)
    assert found.points == pytest.approx(sum(term.points for term in found.terms), abs=1e-4)
    for term in found.terms:
        factor = 1.0
        for context in term.context.values():
            factor *= context
        exact = term.weight * term.repeat * factor * term.share
        assert term.points == pytest.approx(exact, abs=1e-6)  # they are rounded to that
    leaders = [term.incident for term in found.terms if term.share == 1.0]
    assert sorted({term.incident for term in found.terms}) == sorted(leaders)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_score_is_monotone_in_its_points(one: float, other: float) -> None:
    """More points never mean a lower score."""
    low, high = sorted((one, other))

    assert 0 <= value_of(low) <= value_of(high) <= 100


@settings(max_examples=100, deadline=None)
@given(some_flags(), st.sampled_from([1.0, 2.0, 6.0]))
def test_another_incident_elsewhere_adds_its_weight(flags: list[Flag], weight: float) -> None:
    """A flag that has to do with no other adds exactly what it counts alone."""
    more = flag("z", weight, 10 * HOUR, "far away")

    assert score(*flags).points + weight == pytest.approx(score(*flags, more).points, abs=1e-4)


def test_work_of_a_score_grows_with_its_flags_not_with_their_pairs() -> None:
    """The bound on flags bounds what a score costs, however they are related."""
    facts = Facts()
    for n in range(100):
        facts.note_leave(n * 1000, {"kind": "close", "path": f"/{n}"})
        facts.note_goal(n * 1000, 0)
    flags = [flag("a", 6, n * 100.0, "pay", events=(0, n)) for n in range(1000)]
    calls = [0]

    def note(_frame: object, event: str, _arg: object) -> None:
        calls[0] += event == "call"

    def work(number: int) -> int:
        calls[0] = 0
        sys.setprofile(note)
        try:
            score(*flags[:number], scoring=scoring, facts=facts)
        finally:
            sys.setprofile(None)
        return calls[0]

    scoring = Scoring(goals=(Goal(Matcher(()), rules=("b",)),))

    assert work(1000) < 2.5 * work(500)


# Facts from events


SECTION = """
processes:
  checkout:
    steps:
      in: {event: page, where: {path: /checkout}}
      done: {event: custom, where: {name: order_placed}}
mappings:
  - {from: {event: request, where: {url: /api/order, status: 200}}, to: {name: order_placed}}
score:
  critical: {path: [/login], process: [checkout]}
  goals:
    - {event: custom, where: {name: order_placed}}
    - {event: form, where: {outcome: accepted}, rules: [x]}
"""


def judged(events: list[Event], top: str = SECTION) -> Score:
    """Return the score of *events* under one rule that flags each error, and the section."""
    set_ = rules(text("match: error\nflag: every\ncooldown: 1ms\nweight: 4", top=top))
    engine = Engine(set_)
    state = engine.new({})
    for event in events:
        engine.feed(state, event)
    engine.end(state, events[-1]["ts"], "left")
    from detector.engine import flags as raised
    from detector.verdicts import to_flag

    assert engine.errors == 0
    found = [to_flag("s", "site", one, provisional=False) for one in raised(state)]
    return engine.score(state, found)


def contexts(events: list[Event]) -> list[dict[str, float]]:
    """Return the context of each term."""
    return [term.context for term in judged(events).terms]


def test_a_process_is_critical_from_its_first_step_to_its_goal() -> None:
    """Between the two every flag counts more, whatever its page."""
    found = contexts([
        at(0, "error", 0), at(1000, "page", 1, path="/checkout"), at(60_000, "error", 2),
        at(100_000, "custom", 3, name="order_placed"), at(100_000, "error", 4),
    ])  # fmt: skip

    assert [{}, {"critical": 1.5}, {}] == found


def test_goals_count_where_they_are_derived_by_a_mapping() -> None:
    """A request that a mapping makes an order of halves what went wrong just before."""
    found = contexts([at(0, "error", 0), at(5000, "request", 1, url="/api/order", status=200)])

    assert [{"succeeded": 0.5}] == found


def test_a_goal_of_certain_rules_and_a_left_page_are_seen() -> None:
    """The accepted form is a goal of rule x; hiding the tab is no leaving."""
    hidden = contexts([at(0, "error", 0), at(100, "leave", 1, kind="hidden")])
    gone = contexts([at(0, "error", 0), at(100, "leave", 1, kind="route")])
    accepted = contexts([at(0, "error", 0), at(100, "form", 1, outcome="accepted")])

    assert ([{}], [{"left": 1.25}], [{"succeeded": 0.5}]) == (hidden, gone, accepted)


def test_without_a_section_flags_count_their_weight() -> None:
    """A rule set that says nothing of scores scores all the same."""
    found = judged([at(0, "error", 0), at(1, "leave", 1, kind="close")], top="")

    assert (4.0, [{}]) == (found.points, [term.context for term in found.terms])


def test_a_later_file_replaces_what_it_gives() -> None:
    """Keys that an own file gives replace those of the shipped one, the others stay."""
    own = "version: 1\nscore: {critical: {path: [/pay]}}\nrules: []\ntests: []\n"
    set_ = rules(text("match: error", top=SECTION), own)

    assert set_.scoring is not None
    assert (("/pay",), ("checkout",), 2) == (
        set_.scoring.critical_paths, set_.scoring.critical_processes, len(set_.scoring.goals),
    )  # fmt: skip


def test_clicks_are_scored_as_they_were_judged() -> None:
    """The evidence that the engine keeps is what incidents are found by."""
    set_ = rules(
        text("match: {event: click, times: 3, within: 1s}\nweight: 6", name="burst"),
        text("match: {event: click, times: 1}\nweight: 2\ngroup: target.key", name="single"),
    )
    found = Engine(set_).judge([{**click(n * 100, "pay"), "i": n} for n in range(3)], {})
    from detector.verdicts import to_flag

    flags = [to_flag("s", "site", one, provisional=False) for one in found]

    assert {"burst", "single"} == {one.rule for one in flags}
    assert 6.5 == score(*flags).points
    assert START == flags[0].at_ms
