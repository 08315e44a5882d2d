"""sequence: order, gaps, absences, sessions' ends, same_as, processes, rules on rules."""

from __future__ import annotations

import pytest

from detector.engine import Engine
from tests.detector.helpers import START, at, click, fired, judge, rule, rules, text

TWO = "sequence:\n  - {event: click, as: c}\n  - {event: error, within: 1s}\ngroup: c.target.key"


def test_gap_is_closed() -> None:
    """A step exactly `within` after the one before still counts."""
    set_ = rule(TWO)

    assert [("x", 1000, "k")] == fired(set_, [click(0), at(1000, "error")])
    assert [] == fired(set_, [click(0), at(1001, "error")])
    assert [] == fired(set_, [at(0, "error"), click(1)])


def test_newest_run_overwrites() -> None:
    """The latest start is blamed, whatever its group."""
    assert [("x", 900, "b")] == fired(rule(TWO), [click(0, "a"), click(500, "b"), at(900, "error")])


def test_after_a_hit_the_sequence_starts_over() -> None:
    """One press is not blamed for a second error, and the completing event opens no run."""
    set_ = rule(TWO + "\nflag: every\ncooldown: 1ms")
    assert [("x", 10, "k")] == fired(set_, [click(0), at(10, "error"), at(20, "error")])

    pages = rule("sequence:\n  - page\n  - page\nflag: every\ncooldown: 1ms")
    assert [1, 3] == [a for _, a, _ in fired(pages, [at(n, "page") for n in range(4)])]


def test_one_event_never_fills_two_steps() -> None:
    """Steps are tried last to first."""
    set_ = rule("sequence:\n  - page\n  - page\n  - page")

    assert [] == fired(set_, [at(0, "page"), at(1, "page")])
    assert [("x", 2, "")] == fired(set_, [at(n, "page") for n in range(3)])


def test_rule_within_spans_the_matched_steps_only() -> None:
    """A rule's `within` bounds first to last step, not the wait after them."""
    set_ = rule("within: 10s\nsequence:\n  - click\n  - error\n  - {absent: page, within: 30s}")

    assert [("x", 40_000, "")] == fired(set_, [click(0), at(10_000, "error")], tick=50_000)
    assert [] == fired(set_, [click(0), at(10_001, "error")], tick=50_000)


def test_absence_covers_the_span_to_its_very_end() -> None:
    """(t, t+W]: an event at exactly t+W answers; the flag carries the deadline."""
    set_ = rule("sequence:\n  - click\n  - {absent: page, within: 2s}")

    assert [] == fired(set_, [click(0), at(2000, "page"), at(9000, "leave")])
    assert [("x", 2000, "")] == fired(set_, [click(0), at(2001, "page")])
    assert [("x", 2000, "")] == fired(set_, [click(0)], tick=2001)
    assert [] == fired(set_, [click(0)], tick=2000)


def test_earliest_open_deadline_decides() -> None:
    """Of two waits of a group the first counts; what answers it answers both."""
    set_ = rule("sequence:\n  - click\n  - {absent: page, within: 2s}\ngroup: target.key")

    assert [("x", 2000, "k")] == fired(set_, [click(0), click(1500), at(2500, "page")])
    both = fired(set_, [click(0, "a"), click(100, "b")], tick=9000)
    assert [("x", 2000, "a"), ("x", 2100, "b")] == both


@pytest.mark.parametrize("more", ["", "group: c.tab\n", "group: c.tab\nclock: visible\n"])
def test_of_waits_that_begin_at_one_moment_the_first_counts(more: str) -> None:
    """Also where something of that very moment answers the ones before: the machines agree on who is named."""
    set_ = rule(
        "sequence:\n  - {event: click, as: c}\n  - {absent: form, or_end: true}\n"
        f"{more}capture: {{key: c.target.key}}"
    )
    events = [click(0, "a"), click(100, "b"), click(100, "d"), at(100, "form")]

    assert [{"key": "b"}] == [flag.captures for flag in judge(set_, events, end=500)]
    assert [{"key": "a"}] == [flag.captures for flag in judge(set_, events[:3], end=500)]


def test_end_of_session_decides_only_with_or_end() -> None:
    """At the end `or_end` fires at the time of the end, everything else is undecided."""
    open_ = rule("sequence:\n  - click\n  - {absent: page, within: 1m}")
    ending = rule("sequence:\n  - click\n  - {absent: page, within: 1m, or_end: true}")
    only = rule("sequence:\n  - click\n  - {absent: page, or_end: true}")

    assert [] == fired(open_, [click(0)], end=200)
    assert [("x", 200, "")] == fired(ending, [click(0)], end=200)
    assert [("x", 200, "")] == fired(only, [click(0)], end=200)
    assert [] == fired(only, [click(0)], tick=10**9)
    assert [] == fired(only, [click(0), at(1, "page")], end=200)


def test_session_end_is_an_event() -> None:
    """`session_end` carries the time of the last event, so that `within` means something."""
    set_ = rule(
        "sequence:\n  - {event: page, where: {path: /slow}}\n"
        "  - {event: session_end, within: 20s}\nuntil: page\ngroup: path"
    )

    assert [("x", 20_000, "/slow")] == fired(set_, [at(0, "page", path="/slow")], end=20_000)
    assert [] == fired(set_, [at(0, "page", path="/slow")], end=20_001)
    left = [at(0, "page", path="/slow"), at(5, "page", path="/next")]
    assert [] == fired(set_, left, end=10)


def test_absence_between_two_steps() -> None:
    """What must not come between breaks the run, within its span; later it may come."""
    set_ = rule("sequence:\n  - click\n  - {absent: error, within: 2s}\n  - page")

    assert [("x", 50, "")] == fired(set_, [click(0), at(50, "page")])
    assert [] == fired(set_, [click(0), at(2000, "error"), at(2500, "page")])
    assert [("x", 2500, "")] == fired(set_, [click(0), at(2001, "error"), at(2500, "page")])


def test_repeats_inside_a_step() -> None:
    """`times` of a step counts repeats; its `within` is their span, not a gap."""
    set_ = rule(
        "sequence:\n  - {event: error, times: 2, within: 1s}\n"
        "  - {event: click, times: 3, within: 2s}"
    )
    errors = [at(0, "error"), at(1000, "error")]
    clicks = [click(t) for t in (50_000, 51_000, 52_000)]

    assert [("x", 52_000, "")] == fired(set_, errors + clicks)
    assert [] == fired(set_, [at(0, "error"), at(1001, "error"), *clicks])
    assert [] == fired(set_, [*errors, clicks[0], clicks[1], click(52_001)])
    assert [("x", 53_000, "")] == fired(set_, [*errors, *clicks[:2], click(52_001), click(53_000)])


def test_same_as_tells_runs_apart() -> None:
    """With same_as each value has its own run and its own wait."""
    set_ = rule(
        "sequence:\n"
        "  - {event: custom, as: q, where: {name: built}}\n"
        "  - {absent: {event: custom, where: {name: sent, props.id: {same_as: q.props.id}}}, "
        "within: 10s}\n"
        "group: q.props.id\ncapture: {total: q.props.total}"
    )
    events = [
        at(0, "custom", name="built", props={"id": 1, "total": 50}),
        at(1, "custom", name="built", props={"id": 2, "total": 60}),
        at(2, "custom", name="built", props={"id": 3}),
        at(5000, "custom", name="sent", props={"id": 1}),
        at(6000, "custom", name="sent", props={"id": 3}),
    ]

    flags = judge(set_, events, tick=20_000)

    assert [("2", 10_001.0, {"total": 60})] == [(f.group, f.at - START, f.captures) for f in flags]


def test_until_clears_runs_and_waits() -> None:
    """`until` ends everything under way; it is tried before the first step."""
    set_ = rule("sequence:\n  - click\n  - {absent: page, within: 2s}\nuntil: {event: error}")
    assert [] == fired(set_, [click(0), at(100, "error")], tick=9000)

    own = rule("sequence:\n  - page\n  - {event: error, within: 1s}\nuntil: page")
    assert [("x", 900, "")] == fired(own, [at(0, "page"), at(500, "page"), at(900, "error")])


PROCESS = """processes:
  checkout:
    steps:
      address: {event: page, where: {path: /address}}
      payment: {event: page, where: {path: /payment}}
      done: {event: custom, where: {name: order_placed}}
"""
ABANDON = (
    "process: {use: checkout, reached: payment, not: done, within: 30m, or_end: true}\n"
    "capture: {last: process.last_step}"
)


def test_process_is_a_sequence() -> None:
    """`reached` opens the wait, `not` answers it; the last step reached can be captured."""
    set_ = rule(ABANDON, top=PROCESS)
    events = [at(0, "page", path="/payment"), at(1000, "page", path="/address")]

    flags = judge(set_, events, tick=31 * 60_000)

    assert [(1_800_000.0, {"last": "address"})] == [(f.at - START, f.captures) for f in flags]
    paid = [events[0], at(1000, "custom", name="order_placed")]
    assert [] == fired(set_, paid, tick=31 * 60_000)


def test_strict_process_wants_the_steps_before() -> None:
    """With strict: true a step counts only after those before it."""
    set_ = rule(ABANDON, top=PROCESS + "    strict: true\n")
    payment = at(10, "page", path="/payment")

    assert [] == fired(set_, [payment], end=20)
    assert [("x", 20, "")] == fired(set_, [at(0, "page", path="/address"), payment], end=20)


def test_except_process_is_silent_while_it_is_under_way() -> None:
    """From its first step to its goal a process silences the rule."""
    set_ = rule(
        "match: {event: click}\nflag: every\ncooldown: 1ms\nexcept: {process: checkout}",
        top=PROCESS,
    )
    events = [
        click(0),
        at(1, "page", path="/address"),
        click(2),
        at(3, "custom", name="order_placed"),
        click(5),
    ]

    assert [0, 5] == [a for _, a, _ in fired(set_, events)]


def test_strict_process_is_under_way_by_steps_that_count() -> None:
    """A step before its time neither begins nor ends a strict process; optional ones may miss."""
    body = "match: {event: click}\nflag: every\ncooldown: 1ms\nexcept: {process: checkout}"
    steps = [
        click(0),
        at(1, "page", path="/payment"),  # counts only after the address
        click(2),
        at(3, "page", path="/address"),
        click(4),
        at(5, "custom", name="order_placed"),  # no goal before the payment
        click(6),
        at(7, "page", path="/payment"),
        at(8, "custom", name="order_placed"),
        click(9),
    ]

    strict = rule(body, top=PROCESS + "    strict: true\n")
    assert [0, 2, 9] == [a for _, a, _ in fired(strict, steps)]
    optional = rule(body, top=PROCESS + "    strict: true\n    optional: [payment]\n")
    assert [0, 6, 9] == [a for _, a, _ in fired(optional, steps[:1] + steps[3:])]


def test_time_limit_spans_the_steps_of_a_strict_process() -> None:
    """As the rule's own `within` does, and the shorter of the two wins; the wait is not in it."""
    top = PROCESS + "    strict: true\n    time_limit: 1m\n"

    def within(ms: float, own: str = "") -> bool:
        events = [at(0, "page", path="/address"), at(ms, "page", path="/payment")]
        return bool(fired(rule(ABANDON + own, top=top), events, tick=40 * 60_000))

    assert [True, False] == [within(60_000), within(60_001)]
    assert [False, True] == [within(50_001, "\nwithin: 50s"), within(60_000, "\nwithin: 2m")]


def test_time_limit_of_steps_in_any_order_is_no_span_of_a_rule() -> None:
    """A rule waits for the one step that it names then, however late that comes."""
    late = [at(0, "page", path="/address"), at(60_001, "page", path="/payment")]
    top = PROCESS + "    time_limit: 1m\n"

    assert fired(rule(ABANDON, top=top), late, tick=40 * 60_000)


def test_a_process_of_some_sites_has_no_steps_on_others() -> None:
    """`site` is a name, a list or a glob; rules that use the process are silent elsewhere, too."""
    events = [at(0, "page", path="/address"), at(1, "page", path="/payment")]

    def raised(site: str) -> bool:
        set_ = rule(ABANDON, top=PROCESS + site)
        return bool(fired(set_, events, tick=40 * 60_000, attributes={"site": "shop"}))

    assert [True, True, False] == [
        raised("    site: shop\n"),
        raised("    site: [blog, sh*]\n"),
        raised("    site: blog\n"),
    ]


def test_what_must_not_come_breaks_a_run_while_the_clock_stands() -> None:
    """Event time says what came after the step, the clock of visible time only how long."""
    set_ = rule(
        "sequence:\n  - form\n  - {absent: click, within: 1s}\n  - {event: custom, within: 5s}\n"
        "clock: visible"
    )
    hidden = [at(0, "page", visible=False), at(100, "form")]

    assert fired(set_, [*hidden, at(2000, "custom", name="x")])
    assert [] == fired(set_, [*hidden, click(1000), at(2000, "custom", name="x")])


def test_rules_on_rules() -> None:
    """A rule may wait for flags of others; its flag replaces theirs where evidence is shared."""
    set_ = rules(
        text("match: {event: click}\nseverity: high", name="a"),
        text("match: {event: page}\nseverity: low", name="b"),
        text(
            "sequence:\n  - {event: flag, where: {severity: high}}\n"
            "  - {event: flag, within: 1m, where: {rule: b}}\nsuppresses: [b]",
            name="both",
        ),
    )
    events = [click(0), at(60_000, "page")]

    assert [("a", 0, ""), ("both", 60_000, "")] == fired(set_, events)
    assert [("a", 0, ""), ("b", 60_001, "")] == fired(set_, [click(0), at(60_001, "page")])
    evidence = next(f for f in judge(set_, events) if f.rule.id == "both").marks
    assert [("click", 0), ("page", 1)] == [(m.type, m.i) for m in evidence]


def test_flags_of_any_rule_never_include_ones_own() -> None:
    """Without `rule`, a rule sees neither its own flags nor those built on it."""
    set_ = rules(
        text("match: {event: click}\nflag: every\ncooldown: 1ms", name="a"),
        text("match: {event: flag, times: 2}\nflag: every\ncooldown: 1ms", name="any"),
        text("match: {event: flag, where: {rule: any}}", name="upon"),
    )

    found = fired(set_, [click(0), click(1)])

    assert [("a", 0, ""), ("a", 1, ""), ("any", 1, ""), ("upon", 1, "")] == sorted(found)


def test_suppression_goes_by_evidence() -> None:
    """Only flags that share an event are replaced; others of the same rule stay."""
    set_ = rules(
        text("match: {event: click}\ngroup: target.key", name="one"),
        text(
            "match: {event: click, times: 3, within: 1s, same: target}\nsuppresses: [one]",
            name="many",
        ),
    )
    events = [click(0, "a"), *[click(5000 + n, "b") for n in range(3)]]

    assert [("one", 0, "a"), ("many", 5002, "b")] == fired(set_, events)


def test_replaced_flag_names_the_rule_that_stands_in_the_end() -> None:
    """A flag whose replacer is replaced, too, names what stands, not what is gone."""
    set_ = rules(
        text("match: {event: click}", name="one"),
        text("match: {event: click, times: 2, within: 9s}\nsuppresses: [one]", name="two"),
        text("sequence: [click, error]\nsuppresses: [two]", name="three"),
    )
    engine = Engine(set_)
    state = engine.new({})
    for event in (click(0), click(1), at(2, "error")):
        engine.feed(state, event)

    reasons = {flag.rule.id: flag.withdrawn for flag in state[2].all()}
    assert {"one": "replaced by three", "two": "replaced by three", "three": None} == reasons


def test_overrides_change_params_lists_thresholds_and_places() -> None:
    """An override changes a rule without copying it, everywhere or only in places."""
    base = text(
        "params: {presses: 3}\nmatch: {event: click, times: $presses, within: 9s}\n"
        "except: {target: $fine}",
        top="lists:\n  fine: ['#a']",
    )

    def change(body: str) -> str:
        return f"version: 1\noverrides:\n  - rule: x\n    {body}\n"

    two = [click(0, target_path=[{"id": "b"}]), click(1, target_path=[{"id": "b"}])]
    assert [] == fired(rules(base), two)
    assert fired(rules(base, change("params: {presses: 2}")), two)
    more = change("params: {presses: 2}\n    lists: {fine: {append: ['#b']}}")
    assert [] == fired(rules(base, more), two)
    assert not rules(base, change("enabled: false")).rules
    there = rules(base, change("for: {path: '/game*'}\n    params: {presses: 2}"))
    assert [] == fired(there, two)
    assert fired(there, [{**event, "path": "/game/1"} for event in two])
    off = rules(base, change("for: {path: '/game*'}\n    enabled: false"))
    assert [] == fired(off, [{**two[0], "path": "/game/1"}] * 4)
    assert fired(off, two * 2)


def test_mappings_derive_custom_events() -> None:
    """A mapping turns other events into custom ones that rules can wait for."""
    top = (
        "mappings:\n  - to: {name: order_placed, props: {via: url}}\n    from: page\n"
        "    on: {path: '/thanks*'}"
    )
    set_ = rule("match: {event: custom, where: {name: order_placed, props.via: url}}", top=top)

    assert [("x", 0, "")] == fired(set_, [at(0, "page", path="/thanks/1")])
    assert [] == fired(set_, [at(0, "page", path="/other")])
