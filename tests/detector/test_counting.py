"""match: times, within, same, near, distinct, alternates, share, thresholds, until, flags."""

from __future__ import annotations

from dataclasses import replace

from detector import whatif
from detector.engine import Engine
from detector.machines import alternate
from tests.detector.helpers import START, at, click, fired, judge, numbered, rule


def test_window_is_closed() -> None:
    """Events exactly `within` apart count, a millisecond more does not."""
    set_ = rule("match: {event: click, times: 3, within: 1s}")

    assert [("x", 1000, "")] == fired(set_, [click(0), click(400), click(1000)])
    assert [] == fired(set_, [click(0), click(400), click(1001)])


def test_window_slides() -> None:
    """Any `times` events in a row may meet the window, not only the first ones."""
    set_ = rule("match: {event: click, times: 3, within: 1s}")

    assert [("x", 3000, "")] == fired(set_, [click(t) for t in (0, 2000, 2900, 3000)])
    assert [] == fired(set_, [click(t) for t in (0, 900, 1800, 2700)])


def test_without_a_window_counts_last_until_reset() -> None:
    """No `within` means the whole session; `until` starts over."""
    set_ = rule("match: {event: click, times: 2}\nuntil: {event: page}")

    assert [("x", 9e6, "")] == fired(set_, [click(0), click(9e6)])
    assert [] == fired(set_, [click(0), at(1, "page"), click(2)])


def test_same_counts_apart_and_names_the_group() -> None:
    """`same: target` keeps a count per target key; an absent key forms no group."""
    set_ = rule("match: {event: click, times: 2, within: 1s, same: target}")

    assert [("x", 20, "a")] == fired(set_, [click(0, "a"), click(10, "b"), click(20, "a")])
    assert [] == fired(set_, [at(0, "click"), at(10, "click"), at(20, "click")])


def test_until_clears_only_the_group_that_it_carries() -> None:
    """An `until` event with the field of `same` clears that group; without it, all."""
    set_ = rule(
        "match: {event: field, where: {invalid: true}, times: 2, same: field}\n"
        "until: {event: field, where: {invalid: false}}"
    )
    bad = {"invalid": True}
    events = [
        at(0, "field", field="a", **bad),
        at(1, "field", field="b", **bad),
        at(2, "field", field="a"),
        at(3, "field", field="a", **bad),
        at(4, "field", field="b", **bad),
    ]

    assert [("x", 4, "b")] == fired(set_, events)


def test_near_joins_other_targets_at_the_same_place() -> None:
    """Beside same, what lies within the distance of the run's centre counts, exactly at it too."""
    set_ = rule("match: {event: click, times: 3, within: 1s, same: target, near: 30px}")

    def places(*xs: float) -> list[tuple[str, float, str]]:
        return fired(set_, [click(n * 10, f"k{n}", x=x, y=0) for n, x in enumerate(xs)])

    assert [("x", 20, "k0")] == places(0, 20, 40)  # centre 0, then 10: 30 px away
    assert [] == places(0, 20, 41)
    assert [] == places(0, 31, 62)


def test_distinct_counts_values() -> None:
    """Repeats of a value count once; absent values not at all."""
    set_ = rule("match: {event: page, times: 2, within: 10s, distinct: path}")

    assert [] == fired(set_, [at(t, "page", path="/a") for t in (0, 1, 2)])
    assert [("x", 3, "")] == fired(set_, [at(t, "page", path=p) for t, p in ((0, "/a"), (1, "/a"), (3, "/b"))])  # fmt: skip
    late = [at(0, "page", path="/a"), at(9000, "page", path="/a"), at(15000, "page", path="/b")]
    assert [("x", 15000, "")] == fired(set_, late)


def test_alternates_wants_a_b_a_b() -> None:
    """Four pages in turn fire; a third page or the same one twice does not."""
    set_ = rule("match: {event: page, alternates: path, times: 4, within: 1m}")

    def visit(paths: str) -> list[tuple[str, float, str]]:
        return fired(set_, [at(n * 1000, "page", path=f"/{p}") for n, p in enumerate(paths)])

    assert [("x", 3000, "")] == visit("abab")
    assert [("x", 4000, "")] == visit("cabab")
    assert [] == visit("abcb")
    assert [] == visit("aaaa")
    assert [] == visit("aba")


def test_one_event_alone_alternates_with_nothing() -> None:
    """A trial with fewer events than a rule may ask for, as near misses make them, finds nothing and does not fail."""
    assert [False, False, True] == [alternate(list(paths)) for paths in ("", "a", "ab")]
    for times, expected in ((1, []), (2, [("x", 1000, "")])):
        whole = rule("match: {event: page, alternates: path, times: 4, within: 1m}")
        set_ = replace(whole, rules=(whatif.times(times)(whole.rules[0]),))
        pages = [at(n * 1000, "page", path=f"/{p}") for n, p in enumerate("abbba")]
        assert expected == fired(set_, pages), times


def test_share_bounds_the_matched_events() -> None:
    """At most (or at least) the share of the events that count must meet the test."""
    most = rule(
        "match: {event: click, times: 4, within: 9s, "
        "share: {where: {answered_ms: {lte: 300}}, lte: 0.5}}"
    )
    least = rule(
        "match: {event: click, times: 4, within: 9s, "
        "share: {where: {answered_ms: {lte: 300}}, gte: 0.75}}"
    )
    half = [click(0, answered_ms=9), click(1, answered_ms=9), click(2), click(3)]
    most_of_them = [*half[:2], click(2, answered_ms=300), click(3, answered_ms=301)]

    assert fired(most, half)
    assert not fired(most, most_of_them)
    assert fired(least, most_of_them)
    assert not fired(least, half)


def test_first_threshold_that_fits_wins() -> None:
    """Thresholds are tested at the event that would complete, in order."""
    set_ = rule(
        "severity: low\n"
        "match: {event: click, times: 4, within: 1s, same: target}\n"
        "thresholds:\n"
        "  - {when: {target.disabled: true}, set: {times: 2, within: 3s, severity: critical}}\n"
        "  - {when: {pointer: touch}, set: {times: 3}}"
    )
    disabled = [click(t, target={"disabled": True}, pointer="touch") for t in (0, 3000)]
    touch = [click(t, pointer="touch") for t in (0, 500, 1000)]

    assert ["critical"] == [f.severity for f in judge(set_, disabled)]
    assert ["low"] == [f.severity for f in judge(set_, touch)]
    assert [] == fired(set_, [click(t) for t in (0, 500, 1000)])
    assert [("x", 1000, "k")] == fired(set_, [click(t) for t in (0, 500, 700, 1000)])


def test_flag_once_burst_and_every() -> None:
    """once: one flag per group; burst: anew after a quiet cooldown; every: one per cooldown."""
    body = "match: {event: click}\ngroup: target.key\nflag: "
    times = [0, 10_000, 39_999, 80_000]
    events = [click(t) for t in times]

    assert [0] == [f.at - START for f in judge(rule(body + "once"), events)]
    assert [(0, 3), (80_000, 1)] == [
        (f.at - START, f.hits) for f in judge(rule(body + "burst\ncooldown: 30s"), events)
    ]
    assert [(0, 2), (39_999, 1), (80_000, 1)] == [
        (f.at - START, f.hits) for f in judge(rule(body + "every\ncooldown: 30s"), events)
    ]


def test_cooldown_is_over_exactly_at_its_end() -> None:
    """A hit exactly `cooldown` after the last one begins a new burst."""
    set_ = rule("match: {event: click}\nflag: burst\ncooldown: 30s")

    assert [0, 30_000] == [f.at - START for f in judge(set_, [click(0), click(30_000)])]
    assert [0] == [f.at - START for f in judge(set_, [click(0), click(29_999)])]


def test_evidence_is_first_last_and_at_most_ten() -> None:
    """A long run keeps ten events, its first and last among them."""
    set_ = rule("match: {event: click, times: 20, within: 1m}")

    flag = judge(set_, [click(n * 10) for n in range(20)])[0]

    assert 10 == len(flag.marks)
    assert (0, 19) == (flag.marks[0].i, flag.marks[-1].i)
    assert (START, START + 190) == (flag.first, flag.until)


def test_groups_are_bounded_and_the_least_recent_goes() -> None:
    """64 targets are counted at a time; hitting the bound is noted, never an error."""
    set_ = rule("match: {event: click, times: 2, same: target}")
    engine = Engine(set_)
    state = engine.new({})
    for event in numbered([click(n, f"k{n}") for n in range(70)]):
        engine.feed(state, event)

    assert 64 == len(state[engine.program.machines[0].slot])
    assert {"x"} == state[2].truncated


def test_ignore_attribute_silences_the_rules_it_names() -> None:
    """data-stolper-ignore on an ancestor names rules, or all of them."""
    set_ = rule("match: {event: click}")

    def under(words: str) -> list[tuple[str, float, str]]:
        return fired(set_, [click(0, target_path=[{"tag": "b"}, {"tag": "p", "ignore": words}])])

    assert [] == under("x")
    assert [] == under("y all")
    assert [("x", 0, "")] == under("y")


def test_scope_and_except() -> None:
    """Every event of a step must meet scope and must not lie where except says."""
    set_ = rule(
        "match: {event: click}\nscope: {device: mobile}\n"
        'except: {target: ["#ok"], path: ["/help*"]}'
    )
    mobile = {"device": "mobile"}

    assert fired(set_, [click(0)], attributes=mobile)
    assert not fired(set_, [click(0)], attributes={"device": "desktop"})
    assert not fired(set_, [click(0, path="/help/a")], attributes=mobile)
    assert not fired(set_, [click(0, target_path=[{"tag": "a", "id": "ok"}])], attributes=mobile)


def test_captures_last_first_count_and_own_fields() -> None:
    """Captures see everything up to the hit, this event included, cut at 256 bytes."""
    set_ = rule(
        "match: {event: click, times: 2}\n"
        "capture: {last: last(page).path, first: first(page).path, n: count(page), "
        "here: path, msg: last(error).message}"
    )
    events = [
        at(0, "page", path="/a"),
        at(1, "error", message="ä" * 200),
        click(2),
        at(3, "page", path="/b"),
        click(4, path="/b"),
    ]

    captures = judge(set_, events)[0].captures

    assert {"last": "/b", "first": "/a", "n": 2, "here": "/b", "msg": "ä" * 128} == captures


def test_clock_visible_counts_only_visible_time() -> None:
    """With clock: visible a hidden tab's minutes do not use up the window."""
    body = "match: {event: click, times: 2, within: 10s}\nclock: "
    events = [
        click(0),
        at(2000, "visibility", state="hidden"),
        at(60_000, "visibility", state="visible"),
        click(65_000),
    ]

    assert [("x", 65_000, "")] == fired(rule(body + "visible"), events)
    assert [] == fired(rule(body + "event"), events)
