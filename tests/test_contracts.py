"""What the project promises about itself: documentation, generated files, no third-party host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from core.events import load_schema
from core.generate import outputs, stale
from core.settings import declared
from detector.loader import shipped_rules
from detector.spec import OPERATORS, RULE_KEYS
from stolper.cli import main
from tools import catalogue

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def commands(group: click.Group, path: str = "stolper") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it."""
    for name, command in group.commands.items():
        words = f"{path} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, words)
        else:
            yield words, command


def test_generated_files_are_fresh() -> None:
    """The snippet's types and the events page hold what core/events.yaml says."""
    assert [] == stale(outputs(load_schema()))


def test_every_setting_is_documented() -> None:
    """docs/operating.md names each setting, its default included."""
    text = (DOCS / "operating.md").read_text()

    assert [] == [s.key for s in declared() if f"`{s.key}`" not in text]


def test_every_command_and_option_is_documented() -> None:
    """docs/commands.md names each command and each of its options."""
    text = (DOCS / "commands.md").read_text()
    missing = []
    for words, command in commands(main):
        if f"`{words}" not in text:
            missing.append(words)
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                missing += [
                    f"{words} {option}"
                    for option in (*parameter.opts, *parameter.secondary_opts)
                    if f"`{option}" not in text
                ]

    assert [] == missing


def test_readme_calls_only_commands_that_exist() -> None:
    """Each `stolper ...` in the README is a command, each `make ...` a target."""
    text = (ROOT / "README.md").read_text()
    known = {words for words, _ in commands(main)}
    called = {
        " ".join(["stolper", *found.split()])
        for found in re.findall(r"^(?:\$ )?(?:\.venv/bin/)?stolper ((?:[a-z]+ ?)+)", text, re.M)
    }
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

    assert [] == [c for c in called if not any(c.startswith(k) for k in known)]
    assert set() == set(re.findall(r"`make ([a-z-]+)`", text)) - targets
    assert called


def test_every_rule_key_and_operator_is_documented() -> None:
    """docs/rules.md explains each key of a rule and each operator of a test."""
    text = (DOCS / "rules.md").read_text()

    assert [] == [key for key in (*RULE_KEYS, *OPERATORS) if f"`{key}`" not in text]


def test_rule_files_carry_their_ids() -> None:
    """A shipped rule's file is named after its id, and says everything in two languages."""
    wrong = []
    for path in sorted(shipped_rules().glob("[!_]*.yaml")):
        for rule in yaml.safe_load(path.read_text())["rules"]:
            if rule["id"] != path.stem:
                wrong.append(f"{path.name}: id {rule['id']}")
            wrong += [
                f"{path.name}: {key} in {language}"
                for key in ("title", "description", "guidance", "blind_spots")
                for language in ("de", "en")
                if not rule.get(key, {}).get(language)
            ]

    assert [] == wrong


def test_catalogue_names_each_shipped_rule() -> None:
    """docs/catalogue.md is what the rule files say, and the README counts them rightly."""
    rules = [path.stem for path in shipped_rules().glob("*.yaml") if path.stem[0] != "_"]
    text = (DOCS / "catalogue.md").read_text()

    assert catalogue.page() == text
    assert [] == [rule for rule in rules if f"| [{rule}](../rules/{rule}.yaml) |" not in text]
    assert f"[{len(rules)} shipped rules]" in (ROOT / "README.md").read_text()


def test_catalogue_edited_by_hand_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check refuses a table that was edited by hand; without it the table is written anew."""
    page = tmp_path / "docs" / "catalogue.md"
    page.parent.mkdir()
    page.write_text(catalogue.page().replace("rage_click", "calm_click"))
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    monkeypatch.setattr(catalogue, "PAGE", page)

    assert 1 == catalogue.main(["--check"])
    assert "docs/catalogue.md is stale" in capsys.readouterr().err
    assert 0 == catalogue.main([])
    assert (0, catalogue.page()) == (catalogue.main(["--check"]), page.read_text())


def test_every_documentation_link_leads_somewhere() -> None:
    """Relative links between Markdown files point at files that exist."""
    dead = []
    for page in (*DOCS.glob("*.md"), *ROOT.glob("*.md")):
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{page.name}: {target}")

    assert [] == dead


def test_nothing_served_names_a_third_party_host() -> None:
    """Pages, styles, scripts and the snippet ask no host but their own."""
    harmless = re.compile(r"https?://(www\.w3\.org/|127\.0\.0\.1|localhost|[a-z.]*example\b)")
    found = []
    for folder, pattern in (
        ("console/templates", "**/*"),
        ("console/static", "**/*"),
        ("snippet/src", "**/*.ts"),
        ("replay/player/src", "**/*"),
        ("stolper/demo", "**/*.[hjc]*"),
    ):
        for path in (ROOT / folder).glob(pattern):
            if path.is_file() and "__pycache__" not in path.parts:
                for url in re.findall(r"https?://[^\s\"'`)<]+", path.read_text(errors="replace")):
                    if not harmless.match(url):
                        found.append(f"{path.relative_to(ROOT)}: {url}")

    assert [] == found


def test_stale_check_fails_on_a_changed_file(tmp_path: Path) -> None:
    """A generated file that was edited by hand is named as stale."""
    files = {tmp_path / path.name: text for path, text in outputs(load_schema()).items()}
    for path, text in files.items():
        path.write_text(text)
    edited = next(iter(files))
    edited.write_text(edited.read_text() + "// by hand\n")

    assert [edited] == stale(files)


def test_import_contract_holds() -> None:
    """Imports go down only; the engines never import one another."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout
