"""`stolper rules`: every shipped rule has its examples, and the exit code tells."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from detector.loader import shipped_rules
from detector.testing import run_files
from stolper.cli_rules import rules
from tests.detector.helpers import text

FIRES = "tests:\n  - {rule: x, name: a, events: [{at: 0s, event: click}], expect: [{at: 0s}]}\n"
SILENT = "  - {rule: x, name: b, events: [{at: 0s, event: page}], expect: []}\n"


def run(*words: str | Path) -> Result:
    """Run `stolper rules` with *words*."""
    return CliRunner().invoke(rules, [str(word) for word in words])


def test_shipped_rules_pass_their_examples() -> None:
    """Each shipped rule has at least three firing and three silent examples, all green."""
    outcomes = run_files([shipped_rules()])
    names = {path.stem for path in shipped_rules().glob("[!_]*.yaml")}

    assert [] == [(o.example.rule, o.example.name, o.failure) for o in outcomes if o.failure]
    for name in names:
        fires = [o.fires for o in outcomes if o.example.rule == name]
        assert fires.count(True) >= 3, name
        assert fires.count(False) >= 3, name


def test_test_prints_each_rule_and_ends_well() -> None:
    """Every shipped rule is listed with its numbers; the exit code is 0."""
    result = run("test")

    assert 0 == result.exit_code
    assert "✓ rage_click                         6 firing, 8 silent" in result.output
    assert f"{len(list(shipped_rules().glob('[!_]*.yaml')))} rules, " in result.output


def test_failing_example_is_shown_and_ends_badly(tmp_path: Path) -> None:
    """A failing example names its file and line, what was expected and what came."""
    file = tmp_path / "x.yaml"
    file.write_text(text("match: {event: page}") + FIRES + SILENT)

    result = run("test", file)

    assert 1 == result.exit_code
    assert "x.yaml:8 'a'" in result.output
    assert "expected 1 flag, got none" in result.output
    assert "expected no flags, got 1: x at 0s" in result.output


def test_site_overrides_do_not_break_shipped_examples(tmp_path: Path) -> None:
    """Rules of a data folder are read after the shipped ones and tested with them."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.yaml").write_text(
        "version: 1\noverrides:\n  - {rule: rage_click, params: {presses: 2}}\n"
    )
    (folder / "x.yaml").write_text(text("match: {event: click}") + FIRES + SILENT)

    result = run("test", "--data", tmp_path)

    assert 0 == result.exit_code, result.output
    assert "✓ x                                  1 firing, 1 silent" in result.output
    assert 0 == run("lint", "--data", tmp_path).exit_code


def test_lint_of_a_wrong_file_ends_badly(tmp_path: Path) -> None:
    """All errors are printed with their places, and nothing counts as loaded."""
    file = tmp_path / "x.yaml"
    file.write_text(text("match: {event: clik}\nseverity: bad"))

    result = run("lint", file)

    assert 1 == result.exit_code
    assert "x.yaml:6:20 unknown event 'clik'" in result.output
    assert "2 errors; nothing was loaded" in result.output


def test_lint_of_one_file_may_refer_to_shipped_rules(tmp_path: Path) -> None:
    """A file with overrides alone is checked against the shipped rules."""
    file = tmp_path / "own.yaml"
    file.write_text("version: 1\noverrides:\n  - {rule: ping_pong, enabled: false}\n")

    assert 0 == run("lint", file).exit_code


def test_lint_counts_the_rules_of_the_named_files(tmp_path: Path) -> None:
    """The shipped rules that a file may refer to are not counted as its own."""
    file = tmp_path / "x.yaml"
    file.write_text(text("match: {event: click}") + FIRES + SILENT)

    assert "1 rule, no errors, 0 warnings\n" == run("lint", file).output


def test_a_wrong_moment_is_told_as_rule_files_write_it(tmp_path: Path) -> None:
    """Thirteen minutes are 13m, not 780000 ms."""
    file = tmp_path / "x.yaml"
    late = (
        "tests:\n  - {rule: x, name: a, events: [{at: 12m, event: click}], expect: [{at: 13m}]}\n"
    )
    file.write_text(text("match: {event: click}") + late)

    assert "flag 1: at should be 13m, is 12m" in run("test", file).output
