"""Drafts against the rules in force: only what is concerned is judged, and nothing else differs."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from core.model import Session, StoredBatch
from detector.backtest import EXAMPLES, Backtest, Comparison
from detector.drafts import RuleText, load_texts, named_in, read_texts, with_draft
from detector.engine import Engine
from detector.judging import in_order, judge_ended
from detector.loader import shipped_rules
from detector.rule import RuleSet
from tests.detector.helpers import at, click, text
from tests.detector.test_live import IDLE, NOW, batch, batches_of, session, visit

SHIPPED = read_texts([shipped_rules()])
FORCE = load_texts(SHIPPED)
FLUSH = 5000

History = list[tuple[Session, list[StoredBatch]]]


def history(seed: int, count: int) -> History:
    """Return *count* ended sessions as they could be stored."""
    rng = random.Random(seed)
    found: History = []
    for number in range(count):
        name = f"s{number}"
        batches = [replace(b, session=name) for b in batches_of(rng, visit(rng))]
        ended = session(
            end_kind=rng.choice(["idle", "left", "ended"]), ended_ms=NOW, closed_ms=NOW + 50_000
        )
        found.append((replace(ended, id=name), batches))
    return found


def run(draft: str, past: History, *, name: str = "own.yaml") -> Backtest:
    """Return what the file *draft*, read behind the shipped rules, does to *past*."""
    files = with_draft(SHIPPED, name, draft)
    comparison = Comparison(load_texts(files), FORCE, named_in(draft))
    return comparison.judge(past, flush_ms=FLUSH, idle_ms={"site": IDLE})


def expected(draft: RuleSet, past: History) -> dict[str, Counter[str]]:
    """Return per rule what is gained, lost and unchanged when everything is judged in full."""
    found: dict[str, Counter[str]] = {}
    new, old = Engine(draft), Engine(FORCE)
    for subject, batches in past:
        sides = [
            {
                (f.rule, f.group, f.nth)
                for f in judge_ended(
                    engine, subject, batches, flush_ms=FLUSH, idle_timeout_ms=IDLE
                ).flags
            }
            for engine in (new, old)
        ]
        for change, keys in (
            ("gained", sides[0] - sides[1]),
            ("lost", sides[1] - sides[0]),
            ("unchanged", sides[0] & sides[1]),
        ):
            for key in keys:
                found.setdefault(key[0], Counter())[change] += 1
    return found


DRAFTS = {
    "other numbers": "overrides:\n  - {rule: rage_click, params: {presses: 3, span: 2s}}\n",
    "switched off": "overrides:\n  - {rule: rage_click, enabled: false}\n",
    "only elsewhere": "overrides:\n  - {rule: dead_click, for: {path: /b}, severity: high}\n",
    "silent here": "overrides:\n  - {rule: dead_click, except: {path: /b}}\n",
    "other severity": "overrides:\n  - {rule: validation_loop, severity: info}\n",
    "a mapping": "mappings:\n  - {to: {name: order_placed}, from: {event: page, where: {path: /b}}}\n",
    "nothing": "lists:\n  a: [b]\n",
    "the same": "overrides:\n  - {rule: rage_click, enabled: true}\n",
    "a new rule": text("match: {event: click, times: 2, within: 1s}\nsuppresses: [dead_click]")[
        11:
    ],
    "a rule on rules": text("match: {event: flag, where: {rule: dead_click}, times: 2}")[11:],
    "another process": (
        "processes:\n  checkout:\n    steps:\n      entered: {event: page, where: {path: /a}}\n"
        "      confirmed: {event: custom, where: {name: order_placed}}\n"
    ),
}


@pytest.mark.parametrize("name", DRAFTS)
def test_narrowed_judgement_finds_what_judging_everything_finds(name: str) -> None:
    """Gained and lost are those of the full rule sets; so is unchanged, for the rules concerned."""
    draft = "version: 1\n" + DRAFTS[name]
    past = history(len(name), 60)

    result = run(draft, past)

    full = expected(load_texts(with_draft(SHIPPED, "own.yaml", draft)), past)
    differing = {rule for rule, counts in full.items() if counts["gained"] or counts["lost"]}
    assert 0 == result.errors
    assert 60 == result.sessions
    assert differing <= result.rules.keys()
    for rule, change in result.rules.items():
        counts = full.get(rule, Counter())
        assert (counts["gained"], counts["lost"]) == (change.gained, change.lost), rule
    for rule in named_in(draft):
        assert full.get(rule, Counter())["unchanged"] == result.rules[rule].unchanged, rule


def test_changes_that_matter_are_among_the_drafts() -> None:
    """The comparison above is not about nothing: drafts gain, lose and keep flags."""
    past = history(5, 150)
    numbers = run("version: 1\n" + DRAFTS["other numbers"], past)
    off = run("version: 1\n" + DRAFTS["switched off"], past)

    assert numbers.total("gained") > 0
    assert off.rules["rage_click"].lost > 0
    assert off.rules["dead_click"].gained > 0  # nothing replaces them any more
    assert 0 == off.rules["rage_click"].gained + off.rules["rage_click"].unchanged


def test_equal_rules_leave_everything_unchanged() -> None:
    """A draft that changes nothing keeps every flag of the rules that it names."""
    result = run("version: 1\n" + DRAFTS["the same"], history(3, 100))

    assert result.rules["rage_click"].unchanged > 0
    assert (0, 0) == (result.total("gained"), result.total("lost"))
    assert {"rage_click"} == set(result.rules)


def test_draft_takes_the_place_of_the_file_of_its_name() -> None:
    """A draft called as a shipped file replaces it; the rules of the old text count as concerned."""
    old = RuleText("own.yaml", text("match: {event: click}", name="a"), 1)
    files = with_draft([*SHIPPED, old], "elsewhere/own.yaml", text("match: page", name="b"))

    assert len(SHIPPED) + 1 == len(files)
    assert ("elsewhere/own.yaml", 1) == (files[-1].name, files[-1].group)
    assert "b" in {rule.id for rule in load_texts(files).rules}

    shipped = with_draft(SHIPPED, "ping_pong.yaml", text("match: page", name="ping_pong"))
    assert {r.id for r in FORCE.rules} == {r.id for r in load_texts(shipped).rules}


def test_example_says_where_to_look() -> None:
    """A lost flag has its session, moment, page and group, and its id as stored."""
    presses = [
        {**click(n * 100, "pay", path="/shop", target={"interactive": True}), "i": n}
        for n in range(5)
    ]
    past: History = [(session(end_kind="idle", ended_ms=NOW), [batch(1, presses)])]
    off = run("version: 1\noverrides:\n  - {rule: rage_click, enabled: false}\n", past)
    stored = judge_ended(Engine(FORCE), *past[0], flush_ms=FLUSH, idle_timeout_ms=IDLE).flags

    example = off.examples("lost")[0]
    assert [("rage_click", example.flag)] == [(f.rule, f.id) for f in stored]
    assert ("s", "rage_click", "pay", "/shop", NOW + 200.0) == (
        example.session, example.rule, example.group, example.page, example.at_ms,
    )  # fmt: skip
    assert off.examples("gained")[0].flag is None


def test_flag_at_another_moment_is_told_from_a_new_one() -> None:
    """A press more makes the flag later: neither lost nor gained, but known to have moved."""
    past: History = [
        (
            session(end_kind="idle", ended_ms=NOW),
            [batch(1, [{**click(n * 100, "pay"), "i": n} for n in range(5)])],
        )
    ]
    draft = (
        "version: 1\noverrides:\n  - {rule: rage_click, thresholds: [{when: {path: /}, "
        "set: {times: 4, within: 2s}}]}\n"
    )

    change = run(draft, past).rules["rage_click"]

    assert (0, 0, 1, 1) == (change.gained, change.lost, change.unchanged, change.moved)
    assert [True] == [e.moved for e in change.examples["unchanged"]]


def test_parts_add_up_to_the_whole() -> None:
    """Judging history in parts gives the same counts, and the newest examples of all."""
    draft = "version: 1\n" + text("match: {event: click}\nflag: every\ncooldown: 1s")[11:]
    past = history(11, 60)
    whole = run(draft, past)

    merged = Backtest()
    for start in range(0, 60, 7):
        merged.merge(run(draft, past[start : start + 7]))

    assert (whole.sessions, whole.events, whole.flagged) == (
        merged.sessions, merged.events, merged.flagged,
    )  # fmt: skip
    assert {n: (r.gained, r.lost, r.unchanged) for n, r in whole.rules.items()} == {
        n: (r.gained, r.lost, r.unchanged) for n, r in merged.rules.items()
    }
    assert EXAMPLES == len(whole.examples("gained", rule="x")) < whole.rules["x"].gained
    assert whole.examples("gained", rule="x") == merged.examples("gained", rule="x")
    assert sorted((e.at_ms for e in whole.examples("gained")), reverse=True) == [
        e.at_ms for e in whole.examples("gained")
    ]


def test_order_of_a_session_is_canonical_and_each_event_comes_once() -> None:
    """Batches out of order, sent twice and of several page loads come to one order."""
    first = [at(0, "page", 0), at(50, "click", 2)]
    second = [at(20, "click", 1)]
    other = [at(30, "page", 0)]
    batches = [
        batch(1, first), batch(2, other, load="other"), batch(3, second, seq=1), batch(4, first),
    ]  # fmt: skip

    assert [("load", 0), ("load", 1), ("other", 0), ("load", 2)] == [
        (event["page_load"], event["i"]) for event in in_order(batches)
    ]
