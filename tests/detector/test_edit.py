"""Changing rule files as texts: one item more or less, all else kept to the byte."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.edit import LISTS, EditError, append_item, flow, item_text, remove_item, set_override
from detector.loader import shipped_rules
from tests.detector.helpers import rules, text

ITEM = "- rule: x\n  name: a\n  events: [{at: 0s, event: click}]\n  expect: []\n"


def added(before: str, after: str) -> list[str]:
    """Return the lines that *after* has and *before* has not; none may be gone."""
    changes = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    gone = [c for c in changes if c.startswith("- ")]
    assert [] == gone
    return [c[2:] for c in changes if c.startswith("+ ")]


def test_item_goes_behind_the_last_one_and_comments_stay() -> None:
    """Comments within and behind the list stay where they are; the item takes its indentation."""
    before = (
        "# mine\nversion: 1\ntests:   # examples\n"
        "    - {rule: x, name: one, events: [], expect: []}  # first\n"
        "      # more on the first\n"
        "\n# about the rules\nrules: []\n"
    )

    after = append_item(before, "tests", ITEM)

    assert (
        "# mine\nversion: 1\ntests:   # examples\n"
        "    - {rule: x, name: one, events: [], expect: []}  # first\n"
        "      # more on the first\n"
        "    - rule: x\n      name: a\n      events: [{at: 0s, event: click}]\n      expect: []\n"
        "\n# about the rules\nrules: []\n"
    ) == after


def test_missing_section_and_version_are_made() -> None:
    """An empty text, and one without the section, get what they lack."""
    assert "version: 1\ntests:\n  - {rule: x}\n" == append_item("", "tests", "rule: x".join("{}"))
    assert "# note\nversion: 1\noverrides:\n  - rule: x\n" == append_item(
        "# note\n", "overrides", "rule: x"
    )
    assert "version: 1\nlists:\n  a: [b]\n\ntests:\n  - rule: x\n" == append_item(
        "lists:\n  a: [b]", "tests", "- rule: x"
    )
    assert "version: 1\ntests:\n  - rule: x\nrules: []\n" == append_item(
        "version: 1\ntests:\nrules: []\n", "tests", "rule: x"
    )


def test_text_in_a_block_scalar_is_not_touched() -> None:
    """A last value that keeps its line ends is still the same text afterwards."""
    before = "version: 1\nrules:\n  - id: x\n    description: |+\n      a\n\n\n"

    after = append_item(before, "tests", "rule: x")

    assert "a\n\n\n" == yaml.safe_load(after)["rules"][0]["description"]
    assert before == after[: len(before)]


def test_windows_line_ends_stay() -> None:
    """A file with CRLF gets lines with CRLF."""
    after = append_item("version: 1\r\ntests:\r\n- rule: a\r\n", "tests", ITEM)

    assert "\n" not in after.replace("\r\n", "")
    assert ["a", "x"] == [t["rule"] for t in yaml.safe_load(after)["tests"]]


@pytest.mark.parametrize(
    ("before", "section", "item", "message"),
    [
        ("version: 1\ntests: [{rule: x}]\n", "tests", ITEM, "'tests' (line 2) is a list in brackets"),
        ("version: 1\ntests: {a: 1}\n", "tests", ITEM, "'tests' in this file is no list"),
        ("{version: 1}\n", "tests", ITEM, "written in braces"),
        ("- a\n", "tests", ITEM, "a rule file is a map"),
        ("version: 1\n bad: [\n", "tests", ITEM, "a ':' with a space behind it stands inside a value"),
        ("version: 1\nlists: &a {}\n", "tests", ITEM, "anchors"),
        ("version: 1\n", "test", ITEM, "Did you mean 'tests'?"),
        ("version: 1\n", "lists", ITEM, "'lists' is no list of a rule file"),
        ("version: 1\n", "tests", "just words", "an item is a map"),
        ("version: 1\n", "tests", "- a: 1\n- b: 2\n", "give one item"),
        ("version: 1\n", "tests", "a: [", "no YAML"),
        ("version: 1\n", "tests", "", "give one item"),
        ("version: 1\n", "tests", "a: *b", "aliases"),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_is_refused(
    before: str, section: str, item: str, message: str
) -> None:
    """A text or item that is no such thing is refused with one sentence that says why."""
    with pytest.raises(EditError) as error:
        append_item(before, section, item)

    assert message in str(error.value)


def test_shipped_files_take_a_test() -> None:
    """Each shipped file gets one test more; only its lines are new."""
    files = sorted(shipped_rules().glob("[!_]*.yaml"))
    assert files
    for file in files:
        before = file.read_text(encoding="utf-8")

        after = append_item(before, "tests", ITEM)

        assert ITEM.splitlines() == [line[2:] for line in added(before, after)]
        assert before == remove_item(after, "tests", len(yaml.safe_load(before)["tests"]))


def test_override_is_read_back_as_it_was_given() -> None:
    """An override made by set_override changes the rule it names, there where it says."""
    base = text("params: {n: 4}\nmatch: {event: click, times: $n, within: 1s}")

    after = set_override(
        "version: 1\n", "x", {"path": ["/a, b*", "01"]}, {"params": {"n": 3}, "severity": "low"}
    )

    inside, outside = rules(base, after).rules
    assert (3, "low") == (inside.steps[0].times, inside.severity)
    assert (4, "medium") == (outside.steps[0].times, outside.severity)
    assert {"path": ["/a, b*", "01"]} == yaml.safe_load(after)["overrides"][0]["for"]


def test_override_of_nothing_is_refused() -> None:
    """An unknown key, or none at all, is no override."""
    with pytest.raises(EditError, match="Did you mean 'severity'"):
        set_override("", "x", None, {"sevrity": "low"})
    with pytest.raises(EditError, match="changes nothing"):
        set_override("", "x", None, {})


def test_removing_keeps_everything_else() -> None:
    """Only the item's own lines go; the last item takes its section along."""
    before = (
        "version: 1  # v\noverrides:\n  # one\n  - rule: a\n    enabled: false  # off\n"
        "  -\n    rule: b\n    severity: low\n# end\n"
    )

    first = remove_item(before, "overrides", 0)
    both = remove_item(first, "overrides", 0)

    assert (
        "version: 1  # v\noverrides:\n  # one\n  -\n    rule: b\n    severity: low\n# end\n"
        == first
    )
    assert "version: 1  # v\n# end\n" == both
    with pytest.raises(EditError, match="no item 3"):
        remove_item(before, "overrides", 2)


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
) | st.sampled_from(
    ["01234", "1:30", "yes", "on", "~", "a: b", "# c", "- d", "{e", "'", '"', "1e3"]
)
VALUES = st.recursive(
    WORDS | st.booleans() | st.integers(-999, 999),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.dictionaries(st.sampled_from(["rule", "name", "a b", "é", "x"]), VALUES, min_size=1)


@given(
    sections=st.dictionaries(st.sampled_from(LISTS), st.lists(ITEMS, min_size=1, max_size=3)),
    item=ITEMS, section=st.sampled_from(LISTS), style=st.sampled_from([None, False]),
    indent=st.sampled_from([2, 4]), comment=st.booleans(), cut=st.booleans(),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_any_item_fits_into_any_file(
    sections: dict[str, Any], item: dict[str, Any], section: str, style: bool | None,
    indent: int, comment: bool, cut: bool,
) -> None:  # fmt: skip
    """Every other line stays, in order; the meaning is the old one and the item; removing undoes it."""
    before = yaml.safe_dump(
        {"version": 1, **sections}, allow_unicode=True, default_flow_style=style, indent=indent
    )
    if style is None:  # leaves lists of simple maps in brackets
        before = yaml.safe_dump({"version": 1, **sections}, default_flow_style=False)
    if comment:
        before = "".join(f"{line}\n" for line in ["# top", *before.splitlines(), "# bottom"])
    if cut:
        before = before.rstrip("\n")
    data = yaml.safe_load(before)
    try:
        after = append_item(before, section, item_text(item))
    except EditError as error:  # what no rule file may hold, such as 20 levels or odd keys
        assert "cannot be changed as it is" in str(error) or "no YAML that" in str(error)
        return

    data.setdefault(section, []).append(item)
    assert data == yaml.safe_load(after)
    kept = iter(after.splitlines())
    assert all(line in kept for line in before.splitlines())
    assert {**data, section: data[section][:-1]} == {
        section: [],
        **yaml.safe_load(remove_item(after, section, len(data[section]) - 1)),
    }


@given(VALUES)
@settings(deadline=None)
def test_flow_is_one_line_that_reads_back(value: Any) -> None:
    """Any value is written in one line and means the same when read."""
    line = flow(value)

    assert 1 == len(line.split("\n"))
    assert value == yaml.safe_load(line)


def test_value_that_stands_twice_is_written_twice() -> None:
    """Rule files know no anchors, so none are written."""
    shared = ["/a"]

    assert "{path: [/a], page: [/a]}" == flow({"path": shared, "page": shared})


@given(st.text(max_size=200), st.text(max_size=60))
@settings(deadline=None)
def test_nonsense_is_refused_or_edited_but_never_fails(before: str, item: str) -> None:
    """Whatever the texts are, the outcome is an edited text or an EditError."""
    try:
        after = append_item(before, "tests", item)
    except EditError:
        return

    assert 1 <= len(yaml.safe_load(after)["tests"])
