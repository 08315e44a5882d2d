"""What forms write: selectors of a picked element, rules with examples, overrides, edited text."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from console.making import WHATS, NewRule, TooWide, What, exception, mapping, slug
from console.overriding import (
    WrongParam,
    changes_something,
    form_of,
    kind_of,
    override_of,
    overrides_of,
)
from console.presses import count_presses
from console.rule_yaml import NotSimple, block, items, sections, steps_of, with_entry
from console.selectors import read_path, sample_path, suggest
from console.workbench import OwnFile
from core.events import load_schema
from detector.engine import Engine
from detector.errors import Problems
from detector.loader import Library
from detector.patterns import selectors
from detector.rule import RuleSet
from detector.testing import run_example
from detector.words import span
from tests.console.support import START, Running, Visit, shop

PAY = [
    {"tag": "button", "id": "pay", "classes": ["btn", "primary"], "type": "button", "test": "pay"},
    {"tag": "form", "id": "checkout", "classes": ["box"]},
    {"tag": "main"},
    {"tag": "body"},
]
BARE: list[dict[str, Any]] = [{"tag": "span"}, {"tag": "li"}, {"tag": "ul"}, {"tag": "body"}]


def read(text: str) -> RuleSet:
    """Return the rules of *text*; it must have no error."""
    problems = Problems()
    library = Library(problems, load_schema())
    library.add_text("own.yaml", text)
    rules = library.rule_set()
    problems.raise_if_failed()
    return rules


def test_selectors_go_from_robust_to_general() -> None:
    """The test attribute comes first, then the id, what lies within a named part, classes, the kind."""
    offered = suggest(PAY)

    assert ["test", "id", "inside", "class", "class", "type"] == [one.kind for one in offered]
    assert '[data-testid="pay"]' == offered[0].selector
    assert "#checkout button.btn.primary" == offered[2].selector


def test_a_changing_id_is_not_offered() -> None:
    """An id that looks made anew at each load is left out: it would never be met again."""
    offered = suggest([{"tag": "button", "id": "r123456"}, {"tag": "body"}])

    assert not any("r123456" in one.selector for one in offered)


@pytest.mark.parametrize("path", [PAY, BARE, PAY[1:], [{"tag": "x-y", "test": 'a"b'}]])
def test_each_selector_fits_what_was_picked(path: list[dict[str, Any]]) -> None:
    """Every offered selector is one that rules can read, and fits the picked element."""
    offered = suggest(path)

    assert offered
    assert all(selectors([one.selector])({"path": path}) for one in offered)


@pytest.mark.parametrize(
    "given", [None, {}, [], [1], ["x"], [{"tag": "a"}] * 13, "x", [{"tag": "a"}, None]]
)
def test_what_is_no_path_is_refused(given: object) -> None:
    """A browser's text that is no path of an element gives no selector."""
    assert read_path(given) is None


def test_only_known_parts_of_a_path_are_read() -> None:
    """Foreign keys, foreign types and overlong texts of a path are dropped."""
    path = read_path([{"tag": "a", "id": 7, "x": "y", "role": "r" * 500, "classes": ["b", 3]}])

    assert [{"tag": "a", "classes": ["b"]}] == path


@pytest.mark.parametrize(
    "selector",
    ["#pay", ".a.b", "form.x > button[type=submit]", '[data-testid="a b"] [role~=tab]', "[test]"],
)
def test_a_sample_path_fits_its_selector(selector: str) -> None:
    """The element that examples press fits the selector that the rule asks for."""
    assert selectors([selector])({"path": sample_path(selector)})


CASES = list(product(WHATS, ["#pay", "button", "form.x > a.y[type=submit]"], [None, "shop"]))


@pytest.mark.parametrize(("what", "selector", "site"), CASES)
def test_made_rules_pass_their_own_examples(what: What, selector: str, site: str | None) -> None:
    """A rule made of a form is without error or warning, and each of its examples passes."""
    rule = NewRule(
        "r1", 'Träume: "x" #1', "high", what, selector, times=2, within_ms=2_500, page="/pro*", site=site
    )  # fmt: skip
    rules = read(rule.text(str))
    engine = Engine(rules)
    failures = [run_example(engine, example).failure for example in rules.examples]

    assert () == rules.warnings
    assert 'Träume: "x" #1' == rules.rules[0].title["de"]
    assert len(failures) >= 2
    assert [None] * len(failures) == failures


def test_a_selector_that_fits_everything_is_refused() -> None:
    """No example could show silence elsewhere, so the rule is not made."""
    with pytest.raises(TooWide):
        NewRule("r1", "x", "high", "any", "*").text(str)


def test_ids_are_made_of_titles() -> None:
    """Ids are short, in the letters of rules, and not taken."""
    assert "knopf_fuer_groesse" == slug("Knopf für Größe!")
    assert "rule_2_mal" == slug("2 mal")
    assert "rule" == slug("日本")
    assert "pay_2" == slug("Pay", {"pay"})


@pytest.mark.parametrize(
    ("ms", "text"), [(2_000, "2s"), (1_500, "1500ms"), (60_000, "1m"), (86_400_000, "24h")]
)  # fmt: skip
def test_spans_carry_their_unit(ms: float, text: str) -> None:
    """A span is written in its largest whole unit."""
    assert text == span(ms)


def test_exceptions_and_mappings_are_read() -> None:
    """What the forms write for an exception and for a named press is right as a rule file."""
    base = "version: 1\nrules:\n  - id: r1\n    title: x\n    match: click\n"
    changes = block(exception("r1", '[data-testid="a b"]', site="shop")).replace("\n", "\n    ")
    named = block(mapping("paid", "#pay", site="shop")).replace("\n", "\n    ")
    rules = read(f"{base}overrides:\n  - {changes}\nmappings:\n  - {named}\n")

    assert "paid" == rules.mappings[0].name
    assert 2 == len(rules.rules)  # there and elsewhere


# -- text of rule files ------------------------------------------------------------------

PROCESS = """version: 1
# ours
processes:
  signup:
    steps:
      start: {event: page, where: {path: /signup}}   # first
      done: {event: custom, where: {name: signed_up}}

  other:
    steps: {a: page}
rules: []
"""


def test_a_step_is_put_where_it_belongs() -> None:
    """A step goes before the one named, or last; comments and all else stay to the byte."""
    step = "press: {event: click, where: {target: '#go'}}"
    before = with_entry(PROCESS, ("processes", "signup", "steps"), step, before="done")
    last = with_entry(PROCESS, ("processes", "signup", "steps"), step)

    assert ["start", "press", "done"] == steps_of(before)["signup"]
    assert ["start", "done", "press"] == steps_of(last)["signup"]
    assert PROCESS == before.replace(f"      {step}\n", "") == last.replace(f"      {step}\n", "")


def test_steps_on_one_line_are_left_to_people() -> None:
    """A process in braces, or one that is not there, is refused."""
    for keys in (("processes", "other", "steps"), ("processes", "none", "steps")):
        with pytest.raises(NotSimple):
            with_entry(PROCESS, keys, "b: page")
    with pytest.raises(NotSimple):
        with_entry("a: [", ("a",), "b: page")


def test_sections_are_copied_as_written() -> None:
    """A copied section has its comments, and nothing of others."""
    copied = sections(PROCESS, ("processes",))

    assert copied.startswith("processes:\n  signup:")
    assert "# first" in copied
    assert "rules" not in copied


def test_a_dangerous_text_has_no_items() -> None:
    """Anchors are refused before anything is built of them."""
    assert [] == items("version: 1\noverrides: [&a {rule: x}, *a]\n", "overrides")


# -- overrides ---------------------------------------------------------------------------

PARAMS = {"presses": "4", "span": "1s", "strict": "false", "words": "[a, b]"}
CHANGES = """version: 1
overrides:
  - rule: r1
    for: {path: ["/a*", "/b*"], site: shop}
    params: {presses: 3}
    severity: low
    except: {target: [.stepper]}
  - {rule: r1, lists: {l: {append: [x]}}}
  - {rule: r2, enabled: false}
"""


def test_only_what_changes_is_written() -> None:
    """Values that stay as they are in force do not enter the override."""
    same = {f"param_{name}": value for name, value in PARAMS.items()}

    assert {"rule": "r1"} == override_of("r1", PARAMS, same)
    assert not changes_something({"rule": "r1", "for": {"path": ["/a"]}})
    assert {"rule": "r1", "params": {"presses": 3, "span": "1500ms"}} == override_of(
        "r1", PARAMS, {**same, "param_presses": "3", "param_span": "1500ms"}
    )


def test_values_of_the_wrong_kind_are_refused() -> None:
    """A number, a duration and a yes or no must be such."""
    for name, given in (("presses", "many"), ("span", "5"), ("strict", "maybe"), ("words", "[a")):
        with pytest.raises(WrongParam) as wrong:
            override_of("r1", PARAMS, {f"param_{name}": given})

        assert kind_of(PARAMS[name]) == wrong.value.kind


def test_an_override_comes_back_from_its_form() -> None:
    """What the form shows of an override makes the same override again."""
    first, second = overrides_of("r1", [OwnFile("c.yaml", CHANGES, "v")], "c.yaml")
    again = override_of("r1", {"presses": "3"}, form_of(first.value), ["presses"])

    assert first.value == again
    assert (True, False) == (first.simple, second.simple)
    assert (3, 8) == (first.line, second.line)


def test_overrides_of_other_files_are_only_shown() -> None:
    """Files that people write themselves are not edited by the form."""
    shown = overrides_of("r1", [OwnFile("mine.yaml", CHANGES, "v")], "c.yaml")

    assert [False, False] == [one.simple for one in shown]


# -- counting ----------------------------------------------------------------------------


async def test_presses_are_counted_by_selector(console: Running) -> None:
    """Presses, sessions and different elements are counted for each selector, of one site only."""
    await console.store.add_site(shop("other", "sother"))
    button = {"key": "#pay", "path": PAY}
    link = {"key": "#more", "path": [{"tag": "a", "id": "more"}, *PAY[1:]]}
    presses = [
        {"t": 1, "type": "click", "target": button},
        {"t": 2, "type": "click", "target": link},
    ]
    for number in range(3):
        await Visit(console.store, f"v{number}").send([*presses, {"t": 3, "type": "page"}])
    await Visit(console.store, "elsewhere", site="sother").send(presses)
    counted = await count_presses(
        console.store, ["#pay", "#checkout", "#none"], site="sshop", since_ms=START - 1
    )
    found = {one: (m.presses, m.sessions, m.targets) for one, m in counted.matches.items()}

    assert {"#pay": (3, 3, 1), "#checkout": (6, 3, 2), "#none": (0, 0, 0)} == found
    assert (3, True) == (counted.sessions, counted.all)


async def test_counting_ends_when_its_time_is_up(console: Running) -> None:
    """A long history is counted in part, and the answer says so."""
    for number in range(3):
        await Visit(console.store, f"v{number}").send([{"t": 1, "type": "page"}])
    counted = await count_presses(console.store, ["#pay"], site=None, since_ms=0, most_s=-1)

    assert (1, False) == (counted.sessions, counted.all)


@pytest.mark.parametrize(
    "given",
    [
        "[&a [x, x, x, x, x, x, x, x, x]"
        + "".join(
            f", &{name} [{', '.join([f'*{before}'] * 9)}]"
            for before, name in zip("abcdefg", "bcdefgh", strict=True)
        )
        + "]",
        "[&a [*a]]",
        "[" * 990 + "]" * 990,
        "[!!python/object:os.system x]",
        "[a]\nenabled: false",
        "[2024-13-45]",
        "[a" * 1_500,
    ],
)
def test_a_param_that_would_grow_or_break_is_refused(given: str) -> None:
    """Aliases, tags, depth and other keys in a param's list are refused as in a rule file."""
    with pytest.raises(WrongParam):
        override_of("r", {"kinds": "[a, b]"}, {"param_kinds": given})
