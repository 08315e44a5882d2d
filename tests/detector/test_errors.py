"""The mistakes that people make in rule files, and what they are told."""

from __future__ import annotations

import pytest

from detector.errors import RuleErrors
from tests.detector.helpers import issues, rules, text

HEAD = "version: 1\nrules:\n  - id: x\n    title: X\n"


def said(*texts: str) -> list[str]:
    return [f"{i.line}:{i.column} {i.message}" for i in issues(*texts)]


MISTAKES = {
    "a span without unit": (
        HEAD + "    match:\n      event: click\n      times: 2\n      within: 30\n",
        "8:15 'within: 30' has no unit. Write 30s, 30m or 30ms.",
    ),
    "an unknown event": (
        HEAD + "    match: {event: clik}\n",
        "5:20 unknown event 'clik'. Did you mean 'click'? Known: asset, click,",
    ),
    "an unknown key": (
        HEAD + "    match: {event: click}\n    treshold: []\n",
        "6:5 unknown key 'treshold' in rule 'x'. Did you mean 'thresholds'?",
    ),
    "two bodies": (
        HEAD + "    match: {event: click}\n    sequence:\n      - click\n      - error\n",
        "3:5 rule 'x' has both 'match' (line 5) and 'sequence' (line 6); keep one.",
    ),
    "a tab": (
        HEAD + "\tmatch: {event: click}\n",
        "5:1 a tab starts this line; YAML needs spaces (2 per level).",
    ),
    "a bad indent": (
        HEAD + "    match:\n      event: click\n     times: 3\n",
        "7:6 this line is indented unlike those around it. Keys of one map begin in the same column,",
    ),
    "an octal number": (
        HEAD + "    match: {event: custom, where: {props.zip: 01234}}\n",
        '5:47 YAML reads 01234 as the number 668. Put it in quotes: "01234".',
    ),
    "a word that is a bool": (
        HEAD + "    match: {event: custom, where: {props.on: yes}}\n",
        '5:46 YAML reads yes as true. Write true, or put it in quotes: "yes".',
    ),
    "a sexagesimal number": (
        HEAD + "    match: {event: custom, where: {props.page: 1:30}}\n",
        '5:48 YAML reads 1:30 as the number 90. Put it in quotes: "1:30".',
    ),
    "a date": (
        HEAD + "    match: {event: custom, where: {props.day: 2026-11-22}}\n",
        '5:47 YAML reads 2026-11-22 as the date 2026-11-22. Put it in quotes: "2026-11-22".',
    ),
    "absent first": (
        HEAD + "    sequence:\n      - {absent: click, within: 3s}\n      - error\n",
        "6:10 'absent' cannot open a sequence: absent since what? "
        "Put the event that starts the wait before it.",
    ),
    "absent alone": (
        HEAD + "    sequence:\n      - {absent: click, within: 3s}\n",
        "6:10 'absent' cannot open a sequence: absent since what?",
    ),
    "absent without span": (
        HEAD + "    sequence:\n      - click\n      - {absent: error}\n",
        "7:10 'absent' needs 'within' (or or_end: true), else it never ends.",
    ),
    "an undefined list": (
        "version: 1\nlists:\n  repeats_are_fine: ['.a']\nrules:\n  - id: x\n    title: X\n"
        "    match: {event: click, where: {target: $repeats_ok}}\n",
        "7:43 '$repeats_ok' is not defined. Did you mean '$repeats_are_fine'? "
        "Lists here: repeats_are_fine (line 3).",
    ),
    "an alias of a later step": (
        HEAD + "    sequence:\n"
        "      - {event: click, where: {target.label: {same_as: e.message}}}\n"
        "      - {event: error, as: e}\n",
        "6:56 'e.message' is used before step 'e' (line 7).",
    ),
    "a back-reference": (
        HEAD + "    match: {event: click, where: {path: {regex: '(a)\\1'}}}\n",
        "5:49 this pattern uses a back-reference, which is not supported "
        "(linear-time matching only). Use same_as.",
    ),
    "a key twice": (
        HEAD + "    match: {event: click}\n    title: Y\n",
        "6:5 key 'title' stands here twice (first in line 4). Keep one.",
    ),
    "an anchor": (
        HEAD + "    match: &a {event: click}\n    until: *a\n",
        "5:12 anchors (&a) are not read here.",
    ),
    "a tag": (
        HEAD + "    match: !!python/name:os.system x\n",
        "5:12 tags (!!python/name:os.system) are not read here.",
    ),
    "an unknown field": (
        HEAD + "    match: {event: click, where: {target.interactve: true}}\n",
        "5:35 event 'click' has no field 'target.interactve'. Did you mean 'target.interactive'?",
    ),
    "an unknown test": (
        HEAD + "    match: {event: click, where: {path: {start: /a}}}\n",
        "5:42 unknown test 'start' on 'path'. Did you mean 'starts'?",
    ),
    "a value of another type": (
        HEAD + "    match: {event: click, where: {trusted: 1}}\n",
        "5:44 'trusted' is true or false, not '1'. Write one of the two.",
    ),
    "a selector that needs the page": (
        HEAD + "    match: {event: click, where: {target: 'a:hover'}}\n",
        "5:43 selector 'a:hover': pseudo-classes need the live page",
    ),
    "too many times": (
        HEAD + "    match: {event: click, times: 51}\n",
        "5:34 'times' goes from 1 to 50. Choose one of these.",
    ),
    "too long a span": (
        HEAD + "    match: {event: click, times: 2, within: 25h}\n",
        "5:45 'within' goes from 1ms to 24h. Choose a shorter span.",
    ),
    "a circle of rules": (
        HEAD + "    match: {event: flag, where: {rule: x}}\n",
        "3:1 rule 'x' is built on its own flags.",
    ),
    "an empty file": ("", "1:1 the file is empty. Begin with 'version: 1'."),
    "a list as file": ("- 1\n", "1:1 a rule file is a map."),
    "deep nesting": (
        HEAD + "    match: " + "[" * 30 + "]" * 30,
        "this is nested more than 20 levels",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_explained_where_it_stands(mistake: str) -> None:
    """Each mistake is told with its line and column, in one sentence, with a suggestion."""
    source, expected = MISTAKES[mistake]

    found = said(source)

    assert any(line.startswith(expected) or expected in line for line in found), found


def test_file_line_column_source_and_caret_are_shown() -> None:
    """An issue as text is what an editor can jump to, and shows the place."""
    found = str(issues(HEAD + "    match: {event: clik}\n")[0]).splitlines()

    assert found[0].startswith("rules/f0.yaml:5:20 unknown event 'clik'.")
    assert "        match: {event: clik}" == found[1]
    assert found[1].index("clik") == found[2].index("^")


def test_used_rule_id_names_the_other_place() -> None:
    """A second rule of the same id is refused with the place of the first."""
    found = said(HEAD + "    match: click\n", HEAD + "    match: click\n")

    assert [
        "3:9 rule id 'x' is already used at rules/f0.yaml:3. To change that rule, use 'overrides:'."
    ] == found


def test_step_that_can_never_be_late_is_a_warning() -> None:
    """A step's span beyond that of the rule is told, and the rule still runs."""
    source = (
        HEAD + "    within: 1m\n    sequence:\n      - click\n      - {event: error, within: 5m}\n"
    )
    found = issues(source)

    assert ["warning"] == [issue.level for issue in found]
    assert (8, 24) == (found[0].line, found[0].column)
    assert (
        "step 2 must come within 5m but the whole rule within 1m; the shorter wins."
        == found[0].message
    )
    assert rules(source).rules


def test_all_mistakes_of_all_files_come_at_once() -> None:
    """Loading reports every error of every file, not the first."""
    with pytest.raises(RuleErrors) as caught:
        rules(
            HEAD + "    match: {event: clik, times: 99, foo: 1}\n    severity: bad\n",
            text("match: {event: page, where: {pth: 1}}", name="y"),
        )

    places = [(issue.file, issue.line) for issue in caught.value.errors]
    assert 5 == len(places)
    assert {("rules/f0.yaml", 5), ("rules/f0.yaml", 6), ("rules/f1.yaml", 6)} == set(places)


def test_large_file_is_refused_before_it_is_parsed() -> None:
    """More than 256 KiB are refused."""
    assert ["1:1 the file is larger than 256 KiB. Split it."] == said("#" * (256 * 1024 + 1))


def test_alias_bomb_is_refused_and_never_followed() -> None:
    """Each anchor and alias is told; an alias stands for nothing, and nothing else is read."""
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

    found = said(bomb)

    assert ["1:4", "2:4", "2:8", "2:12", "3:5", "3:9"] == [line.split()[0] for line in found]
    assert "1:4 anchors (&a) are not read here. Use 'lists' or 'macros'." == found[0]
    assert found[2].endswith("""a pattern goes in quotes: "*a".""")


def test_override_of_unknown_rule_param_and_list() -> None:
    """What an override names must exist; the nearest name is offered."""
    base = HEAD + "    params: {presses: 3}\n    match: {event: click, times: $presses}\n"
    change = "version: 1\noverrides:\n  - {rule: z}\n  - {rule: x, params: {pres: 2}}\n"

    found = said(base, change)

    assert found[0].startswith("3:12 there is no rule 'z' to override.")
    assert found[1].startswith("4:24 the rule has no param 'pres'. Did you mean 'presses'?")


def test_regex_without_re2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without google-re2 a regex is an error at load, never a slow match."""
    monkeypatch.setattr("detector.loader.importlib.util.find_spec", lambda name: None)

    found = said(HEAD + "    match: {event: click, where: {path: {regex: a}}}\n")

    assert ["5:42 'regex' needs google-re2 (pip install 'stolper[regex]'). Or use glob."] == found
