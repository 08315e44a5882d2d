"""
All typical mistakes in one file, each told at its place; and texts that are hardly files.

The mistakes are those of the table in docs/rules.md, "What you may be told".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import MAX_ISSUES, Problems, RuleErrors
from detector.loader import Library, load_rules
from detector.spec import MAX_PATTERN
from tests.detector.helpers import issues, load_schema, rules, text

HEAD = "version: 1\nrules:\n  - id: x\n    title: X\n"

ALL_AT_ONCE = r"""version: 1
lists:
  repeats_are_fine: [".qty-plus"]
rules:
  - id: no_unit
    title: A
    match:
      event: clik
      times: 2
      within: 30
    treshold: []
  - id: two_bodies
    title: B
    match: click
    sequence: [click, error]
  - id: surprises
    title: C
    match: {event: custom, where: {name: a, props.zip: 01234, props.on: yes, props.page: 1:30}}
  - id: absent_first
    title: D
    sequence:
      - absent: {event: click}
        within: 3s
      - error
  - id: absent_forever
    title: E
    sequence:
      - click
      - absent: {event: error}
  - id: undefined
    title: F
    match: {event: click, where: {target: $repeats_ok}}
  - id: later_alias
    title: G
    sequence:
      - {event: click, where: {target.label: {same_as: e.message}}}
      - {event: error, as: e}
  - id: unsafe
    title: H
    match: {event: click, where: {path: {regex: '(a)\1'}}}
  - id: no_unit
    title: I
    title: J
    match: click
  - id: never
    title: K
    within: 1m
    sequence:
      - click
      - {event: error, within: 5m}
  - id: tabbed
    title: L
	match: {event: pge}
  - id: bad_indent
    title: M
    match:
      event: click
     times: 3
  - id: behind_all
    title: N
    match: {event: page, where: {pth: /a}}
tests:
  - {rule: bad_indent, name: a rule that could not be read, events: [], expect: []}
"""

EXPECTED = (
    ("8:14", "unknown event 'clik'. Did you mean 'click'? Known: "),
    ("10:15", "'within: 30' has no unit. Write 30s, 30m or 30ms."),
    ("11:5", "unknown key 'treshold' in rule 'no_unit'. Did you mean 'thresholds'?"),
    (
        "12:5",
        "rule 'two_bodies' has both 'match' (line 14) and 'sequence' (line 15); keep one.",
    ),
    ("18:56", 'YAML reads 01234 as the number 668. Put it in quotes: "01234".'),
    ("18:73", 'YAML reads yes as true. Write true, or put it in quotes: "yes".'),
    ("18:90", 'YAML reads 1:30 as the number 90. Put it in quotes: "1:30".'),
    (
        "22:9",
        "'absent' cannot open a sequence: absent since what? "
        "Put the event that starts the wait before it.",
    ),
    ("29:9", "'absent' needs 'within' (or or_end: true), else it never ends."),
    (
        "32:43",
        "'$repeats_ok' is not defined. Did you mean '$repeats_are_fine'? "
        "Lists here: repeats_are_fine (line 3).",
    ),
    ("36:56", "'e.message' is used before step 'e' (line 37)."),
    (
        "40:49",
        "this pattern uses a back-reference, which is not supported "
        "(linear-time matching only). Use same_as.",
    ),
    ("41:9", "rule id 'no_unit' is already used at rules/f0.yaml:5. To change that rule, use"),
    ("43:5", "key 'title' stands here twice (first in line 42). Keep one."),
    (
        "50:24",
        "step 2 must come within 5m but the whole rule within 1m; the shorter wins.",
    ),
    ("53:1", "a tab starts this line; YAML needs spaces (2 per level)."),
    ("53:17", "unknown event 'pge'. Did you mean 'page'?"),
    ("58:6", "this line is indented unlike those around it."),
    ("61:34", "event 'page' has no field 'pth'. Did you mean 'path'?"),
)


def said(*texts: str) -> list[str]:
    """Return what is found in *texts* as line:column and message, in the order of places."""
    found = sorted(issues(*texts), key=lambda i: (i.file, i.line, i.column))
    return [f"{i.line}:{i.column} {i.message}" for i in found]


def test_all_typical_mistakes_of_one_file_are_told_at_once() -> None:
    """Every row of the table, a tab and a bad indent included, in one pass, and nothing else."""
    found = said(ALL_AT_ONCE)

    assert len(EXPECTED) == len(found), "\n".join(found)
    for (place, message), line in zip(EXPECTED, found, strict=True):
        assert line.startswith(f"{place} {message}"), line


def test_each_message_ends_with_a_suggestion_and_shows_its_place() -> None:
    """The line stands below each message, with a caret under the column; advice is a sentence."""
    for issue in issues(ALL_AT_ONCE):
        head, source, caret = str(issue).split("\n")
        assert head.startswith(f"rules/f0.yaml:{issue.line}:{issue.column} ")
        assert "    " + ALL_AT_ONCE.split("\n")[issue.line - 1].replace("\t", "→") == source
        assert 4 + issue.column - 1 == caret.index("^")
        assert issue.message.rstrip().endswith((".", "?")), issue.message


LAYOUT = {
    "an open quote": (
        HEAD + "    match: {event: 'click}\n",
        "5:20 the quote that opens here is never closed. Close it.",
    ),
    "an open brace": (
        HEAD + "    match: {event: click\n    severity: low\n",
        "5:12 the '{' that opens here is not closed with '}'. Close it.",
    ),
    "a missing comma": (
        HEAD + "    tags: [a b: c d: e]\n",
        "5:20 a comma or ']' is missing before this. Add it.",
    ),
    "a colon in a value": (
        HEAD + "    description: one thing: another\n",
        "5:27 a ':' with a space behind it stands inside a value",
    ),
    "a star without quotes": (
        HEAD + "    match: {event: page, where: {path: {glob: */cart}}}\n",
        "a value cannot begin with * or & here. Put it in quotes",
    ),
    "a word with a star": (
        HEAD + "    match: {event: page, where: {path: {glob: *cart}}}\n",
        """aliases (*cart) are not read here. Use 'lists' or 'macros'; a pattern goes in quotes: "*cart".""",
    ),
    "a percent sign": (
        HEAD + "    match: {event: page, where: {path: %a}}\n",
        "5:40 a value cannot begin with this character. Put the value in quotes.",
    ),
    "a backslash in double quotes": (
        HEAD + '    match: {event: page, where: {path: {regex: "\\d"}}}\n',
        "in double quotes, \\ begins a special character. Use single quotes: '...'.",
    ),
    "a line that is nothing": (
        HEAD + "    match\n    severity: low\n",
        "this line is neither 'key: value' nor '- item'.",
    ),
    "a tag for text": (
        HEAD + "    match: {event: custom, where: {name: !!str 1}}\n",
        "5:42 tags (!!str) are not read here. Put the value in quotes instead.",
    ),
    "a second document": (
        HEAD + "    match: click\n---\nversion: 1\n",
        "6:1 a second document starts here. Use one file per document.",
    ),
    "a map as key": (HEAD + "    ? {a: b}\n    : c\n", "5:7 a key is plain text."),
    "no value": (
        HEAD + "    match: {event: page, where: {path: }}\n",
        "'path' is given no value. Write one, or {exists: true}.",
    ),
    "no test": (
        HEAD + "    match: {event: page, where: {path: {}}}\n",
        "5:40 'path' is given no test. Write e.g. exists: true.",
    ),
    "any of nothing": (
        HEAD + "    match: {event: page, where: {any: []}}\n",
        "5:34 'any' of nothing never holds.",
    ),
    "an empty sequence": (HEAD + "    sequence: []\n", "5:15 this sequence is empty."),
    "a step name with a dot": (
        HEAD + "    sequence:\n      - {event: click, as: a.b}\n      - error\n",
        "6:28 'a.b' is no name for a step. Use letters, digits and _.",
    ),
    "a list that holds itself": (
        "version: 1\nlists:\n  a: [$b]\n  b: [$a]\n"
        + HEAD[11:]
        + "    match: {event: page, where: {path: $a}}\n",
        "this list stands in itself, or in too many others. Write it out.",
    ),
    "a param that is itself": (
        HEAD + "    params: {n: $n}\n    match: {event: click, times: $n}\n",
        "6:34 this name stands for itself, or for too many others. Put a value there.",
    ),
    "types that are never equal": (
        HEAD + "    sequence:\n      - {event: click, as: c}\n"
        "      - {event: click, where: {x: {same_as: c.path}}}\n",
        "'x' is px and 'c.path' is str: they are never equal. Compare fields of one kind.",
    ),
    "a long number": (
        HEAD + "    weight: " + "9" * 5000 + "\n",
        "5:13 this long number would lose digits.",
    ),
    "a long sexagesimal number": (
        HEAD + "    weight: 1" + ":1" * 5000 + "\n",
        "5:13 this long number would lose digits.",
    ),
    "a span without end": (
        HEAD + "    match: {event: click, times: 2, within: " + "9" * 400 + "h}\n",
        "is no duration. Write e.g. 250ms, 30s, 10m, 2h or 7d.",
    ),
    "version true": ("version: true\n", "1:10 only version 1 of the language is known here."),
    "a prop that is no value": (
        "version: 1\nmappings:\n  - {from: page, to: {name: a, props: {p: [1]}}}\n",
        "3:43 prop 'p' is one value. Write a text, number or bool, or {from: field} to copy one.",
    ),
    "an unknown word of to": (
        "version: 1\nmappings:\n  - {from: page, to: {name: a, prop: {p: 1}}}\n",
        "3:32 unknown key 'prop' in 'to'. Did you mean 'props'?",
    ),
    "a copied list": (
        "version: 1\nmappings:\n  - {from: form, to: {name: a, props: {p: {from: invalid_fields}}}}\n",
        "'invalid_fields' is list of str; a prop is one value of the event.",
    ),
    "a pattern on nothing": (
        "version: 1\nmappings:\n  - {from: page, to: {name: a}, on: {url: /a}}\n",
        "3:38 event 'page' has no field 'url'.",
    ),
    "a long pattern": (
        HEAD + "    match: {event: page, where: {path: {glob: '" + "*a" * MAX_PATTERN + "'}}}\n",
        f"'glob' takes at most {MAX_PATTERN} characters. Shorten the text.",
    ),
    "a process that waits for itself": (
        "version: 1\nprocesses:\n  p: {steps: {a: page, b: click}}\n"
        + HEAD[11:]
        + "    process: {use: p, reached: a, not: a, or_end: true}\n",
        "'reached' and 'not' are the same step. Name the step that did not follow.",
    ),
}


@pytest.mark.parametrize("case", LAYOUT)
def test_layout_and_value_are_explained(case: str) -> None:
    """What YAML or Python would only stumble over is told in words, at its place."""
    source, expected = LAYOUT[case]

    assert any(expected in line for line in said(source)), said(source)


@pytest.mark.parametrize("mark", ["\r\n", "\r", "\n"])
def test_line_ends_of_all_systems_count_the_same(mark: str) -> None:
    """Lines ended as on Windows or old Macs keep line and column."""
    source = (HEAD + "    match: {event: clik}\n").replace("\n", mark)

    assert said(source)[0].startswith("5:20 unknown event 'clik'.")


def test_byte_order_mark_is_no_mistake() -> None:
    """A mark that Windows editors put first is skipped, and moves no column."""
    assert ["1:1"] == [i.split()[0] for i in said("\ufeffvesion: 1\nversion: 1\n")]
    assert rules("\ufeff" + text("match: click")).rules


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x0c", "\ud800", "\ufffe", "\x7f"])
def test_control_character_is_told_at_its_place_and_not_printed(character: str) -> None:
    """NUL, escape and halves of pairs are refused where they stand; terminals never see them."""
    (issue,) = issues(HEAD + f"    match: {{event: cl{character}ik}}\n")

    assert (5, 22) == (issue.line, issue.column)
    assert f"(U+{ord(character):04X})" in issue.message
    assert str(issue).replace("\n", "").isprintable()


def test_escapes_of_quoted_text_are_not_printed_either() -> None:
    """A message shows control characters of a value by name."""
    (issue,) = issues(HEAD + '    match: {event: "\\e[2Jclick"}\n')

    assert issue.message.startswith("unknown event '\\x1b[2Jclick'.")


def test_long_lines_and_words_are_shown_in_part() -> None:
    """Of 100 KB in one line a message shows what lies around the place, and stays short."""
    source = HEAD + "    match: {event: click, where: {path: [" + "a, " * 20_000 + "1, a]}}\n"
    (issue,) = issues(source)

    assert "'path' is a text. Put it in quotes: \"1\"." == issue.message
    shown, caret = str(issue).split("\n")[1:]
    assert len(shown) < 200
    assert "1" == shown[caret.index("^")]
    (issue,) = issues(HEAD + "    match: {event: " + "k" * 100_000 + "}\n")
    assert len(str(issue)) < 700


def test_bytes_that_are_no_utf8_are_told_at_their_place(tmp_path: Path) -> None:
    """A file saved in another encoding names line, column and byte."""
    file = tmp_path / "latin.yaml"
    file.write_bytes("version: 1\nrules: # für\n".encode("latin-1"))

    with pytest.raises(RuleErrors) as caught:
        load_rules([file])

    (issue,) = caught.value.errors
    assert (2, 11) == (issue.line, issue.column)
    assert "this is no UTF-8 text (byte 0xFC). Save the file as UTF-8." == issue.message


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """A folder named like a file, and a name that is nothing, are errors like others."""
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(RuleErrors) as caught:
        load_rules([tmp_path, tmp_path / "none.yaml"])

    assert 2 == len(caught.value.errors)
    assert "this is no file." in str(caught.value)
    assert "there is no rule file here." in str(caught.value)


def test_wrong_param_is_told_where_it_is_given() -> None:
    """A value of an override that does not fit is shown in the override, not in the rule."""
    base = HEAD + "    params: {n: 3}\n    match: {event: click, times: $n}\n"
    change = "version: 1\noverrides:\n  - {rule: x, params: {n: many}}\n"

    (issue,) = issues(base, change)
    assert ("rules/f1.yaml", 3, 27) == (issue.file, issue.line, issue.column)


def test_thousands_of_mistakes_are_cut_off() -> None:
    """So many that nobody reads them all are told up to a limit, and the next file still read."""
    bad = "version: 1\n" + "".join(f"k{number}: 1\n" for number in range(5000))
    found = issues(bad, HEAD + "    match: clik\n")

    first = [issue for issue in found if issue.file == "rules/f0.yaml"]
    assert MAX_ISSUES + 1 == len(first)
    assert first[-1].message.startswith(f"there are more than {MAX_ISSUES} errors in this file.")
    assert ["rules/f1.yaml"] == [i.file for i in found if i.file != "rules/f0.yaml"]


def test_names_in_a_passage_that_cannot_be_read_are_not_missed() -> None:
    """Tests and overrides of a rule that is lost to a mistake of layout are not errors, too."""
    problems = Problems()
    library = Library(problems, load_schema())
    library.add_text("a.yaml", ALL_AT_ONCE)
    library.rule_set()

    assert "bad_indent" in problems.unread
    assert not [i for i in problems.issues if "there is no rule" in i.message]
