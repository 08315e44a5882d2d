"""Examples made of stored sessions: they hold, say no more than the rule reads, and are short."""

from __future__ import annotations

import random

import pytest
import yaml

from core.errors import NotFound
from core.model import Session
from detector.drafts import RuleText, load_texts, read_texts
from detector.edit import append_item
from detector.engine import Engine
from detector.example import MOST_LINES, example
from detector.judging import judge_ended
from detector.loader import load_rules, shipped_rules
from detector.rule import RuleSet
from detector.testing import events_of, run_example
from tests.detector.helpers import Event, at, click, numbered, rule, rules, text
from tests.detector.test_live import IDLE, NOW, batch, session, visit

TEXTS = read_texts([shipped_rules()])
SHIPPED = load_rules([shipped_rules()])
ENGINE = Engine(SHIPPED)


def made(set_: RuleSet, rule_id: str, events: list[Event], **more: object) -> str:
    """Return the example that *events* make for rule *rule_id*."""
    options: dict[str, object] = {"fires": True, **more}
    subject = options.pop("subject", session(end_kind="idle", ended_ms=NOW))
    assert isinstance(subject, Session)
    return example(
        set_, rule_id, subject, [batch(1, numbered(events))], flush_ms=5000, idle_timeout_ms=IDLE,
        **options,  # type: ignore[arg-type] -- fires, around_ms, name
    )  # fmt: skip


def failure(set_: RuleSet, item: str) -> str | None:
    """Return how the example *item* goes under *set_*."""
    own = RuleText("examples.yaml", append_item("", "tests", item), 1)
    stubs = "\n".join(
        f"  - {{id: {r}, title: x, match: page}}" for r in {yaml.safe_load(item)[0]["rule"]}
    )
    found = load_texts([RuleText("stub.yaml", f"version: 1\nrules:\n{stubs}\n"), own]).examples
    return run_example(Engine(set_), found[0]).failure


def test_example_has_only_what_the_rule_reads() -> None:
    """Other events, other fields and the text of labels stay out; equal events are one line."""
    set_ = rule(
        "match: {event: click, where: {answered_ms: {exists: false}}, times: 3, within: 2s, same: target}"
    )
    events = [at(0, "page", path="/secret")] + [
        click(1000.4 + n * 150, "pay", target={"label": "Pay Mr Smith"}, path="/secret")
        for n in range(4)
    ]

    item = made(set_, "x", events)

    assert (
        "- rule: x\n  name: a visit that is flagged\n  events:\n"
        "    - {at: 0s, event: click, target: {key: pay}, x: 3, every: 150ms}\n"
        "  expect: [{at: 300ms, group: pay, severity: medium}]\n"
    ) == item
    assert None is failure(set_, item)


def test_silence_is_asserted_where_it_is_asked_for() -> None:
    """A negative example expects nothing: red as long as the rule flags, green when it does not."""
    set_ = rule("match: {event: click, times: 2, within: 1s, same: target}")
    flagged = made(set_, "x", [click(0), click(500)], fires=False, name="double clicks: fine")
    fine = made(set_, "x", [click(0), click(5000)], fires=False)

    assert ("double clicks: fine", []) == (
        yaml.safe_load(flagged)[0]["name"], yaml.safe_load(flagged)[0]["expect"],
    )  # fmt: skip
    assert "expected no flags, got 1" in str(failure(set_, flagged))
    assert None is failure(set_, fine)


def test_flag_that_should_be_is_asked_for() -> None:
    """Where the rule raises nothing, a positive example fails until it does."""
    set_ = rule("match: {event: click, times: 3, within: 1s}")

    item = made(set_, "x", [click(0), click(500)])

    assert "expected 1 flag, got none" in str(failure(set_, item))
    assert None is failure(rule("match: {event: click, times: 2, within: 1s}"), item)


def test_the_moment_chooses_the_flag() -> None:
    """In a long session the example is about the flag nearest to the moment."""
    set_ = rule("match: {event: click, times: 2, within: 1s, same: target}")
    events = [click(0, "a"), click(10, "a"), click(900_000, "b"), click(900_020, "b")]

    near = yaml.safe_load(made(set_, "x", events, around_ms=NOW + 899_000.0))[0]

    assert [{"at": "20ms", "group": "b", "severity": "medium"}] == near["expect"]
    assert 1 == len(near["events"])


def test_absence_at_the_end_of_the_session() -> None:
    """A wait that ran out is told by time that passes, one that the end decided by the end."""
    body = "sequence:\n  - {event: page, where: {path: /pay}}\n  - {absent: custom, within: 5m%s}"
    events = [at(0, "page", path="/pay"), at(30_000, "page", path="/")]
    left = session(end_kind="left", ended_ms=NOW)

    waited = made(rule(body % ""), "x", events)
    ended = made(
        rule(body % ", or_end: true"),
        "x",
        [*events, at(31_000, "leave", kind="close")],
        subject=left,
    )

    assert "- {at: 300001ms, tick: true}\n  expect: [{at: 5m, severity: medium}]\n" in waited
    assert "- {at: 31s, event: session_end, kind: left}\n  expect: [{at: 31s," in ended
    assert None is failure(rule(body % ""), waited)
    assert None is failure(rule(body % ", or_end: true"), ended)


def test_attributes_and_what_the_page_silences_are_kept() -> None:
    """Session attributes come in if a condition reads them, data-stolper-ignore always."""
    set_ = rule("match: click\nscope: {device: mobile}")
    subject = session(
        end_kind="idle", ended_ms=NOW, attributes={"device": "mobile", "browser": "Firefox"}
    )
    quiet = click(0, target_path=[{"tag": "b", "node": 4}, {"tag": "div", "ignore": "x"}])

    item = yaml.safe_load(made(set_, "x", [quiet], subject=subject, fires=False))[0]

    assert {"device": "mobile"} == item["session"]
    assert [{"tag": "b"}, {"tag": "div", "ignore": "x"}] == item["events"][0]["target"]["path"]


def test_long_session_is_cut_to_what_the_flag_needs() -> None:
    """Among hundreds of events the flag's own stay, and the example still holds."""
    set_ = rule(
        "match: {event: click, where: {answered_ms: {exists: false}}, times: 4, within: 10s, same: target}"
    )
    rng = random.Random(4)
    noise = [
        click(n * 37.0, f"k{rng.randint(0, 99)}", answered_ms=rng.randint(1, 99))
        for n in range(400)
    ]
    events = sorted(
        [*noise, *(click(9000 + n * 700, "pay") for n in range(4))], key=lambda e: e["ts"]
    )

    item = made(set_, "x", events)
    fine = made(set_, "x", noise, fires=False, around_ms=NOW + 5000.0)

    assert len(yaml.safe_load(item)[0]["events"]) <= MOST_LINES
    assert MOST_LINES == len(yaml.safe_load(fine)[0]["events"])
    assert None is failure(set_, item)
    assert None is failure(set_, fine)


def test_rule_that_is_not_there() -> None:
    """A rule that is not in force has no examples to make."""
    with pytest.raises(NotFound, match="no rule 'y' in force"):
        made(rule("match: click"), "y", [click(0)])


SOURCES = sorted({e.rule for e in SHIPPED.examples})


@pytest.mark.parametrize("name", SOURCES)
def test_sessions_like_the_shipped_examples_make_examples_that_hold(name: str) -> None:
    """For each shipped rule: what a session was judged as is what its example comes to."""
    checked = 0
    for source in (e for e in SHIPPED.examples if e.rule == name):
        stored = [e for e in events_of(source) if not isinstance(e, float)]
        events = numbered(
            [{**e, "page_load": "load"} for e in stored if e["type"] != "session_end"]
        )
        kinds = [e.get("kind", "idle") for e in stored if e["type"] == "session_end"]
        subject = session(
            end_kind=kinds[0] if kinds else "idle", ended_ms=NOW, attributes=dict(source.session)
        )
        past = [batch(1, events)]
        options = {"flush_ms": 5000, "idle_timeout_ms": IDLE}
        judged = judge_ended(ENGINE, subject, past, **options).flags  # type: ignore[arg-type]
        fires = any(f.rule == name for f in judged)

        item = example(SHIPPED, name, subject, past, fires=fires, **options)  # type: ignore[arg-type]

        expected = yaml.safe_load(item)[0]["expect"]
        assert (fires, None) == (bool(expected), failure(SHIPPED, item)), item
        checked += fires
    assert checked


def test_random_visits_make_examples_that_hold() -> None:
    """Whatever rules a visit is flagged by, examples of it hold for each of them."""
    seen = set()
    for seed in range(12):
        loads = visit(random.Random(seed))[:1]
        past = [batch(1, loads[0])]
        subject = session(end_kind="idle", ended_ms=NOW)
        for flagged in judge_ended(
            ENGINE, subject, past, flush_ms=5000, idle_timeout_ms=IDLE
        ).flags:
            item = example(
                SHIPPED, flagged.rule, subject, past, fires=True, around_ms=flagged.at_ms,
                flush_ms=5000, idle_timeout_ms=IDLE,
            )  # fmt: skip
            seen.add(flagged.rule)

            assert None is failure(SHIPPED, item), item
            assert flagged.severity in {e["severity"] for e in yaml.safe_load(item)[0]["expect"]}
    assert len(seen) > 4


def test_two_rules_share_a_session() -> None:
    """The example of a rule on rules carries what the rule below reads."""
    set_ = rules(
        text("match: {event: click, times: 2, within: 1s}\nseverity: high", name="a"),
        text("match: {event: flag, where: {rule: a}}"),
    )

    item = made(set_, "x", [click(0), click(200), at(300, "page")])

    assert None is failure(set_, item)
    assert "page" not in item
