"""
`stolper rules`: check rule files and run the examples beside the rules.

Owns words and exit codes; reading is detector/loader.py, running detector/testing.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from core.errors import UserError
from core.events import load_schema
from detector.errors import RuleErrors
from detector.loader import load_rules, shipped_rules
from detector.schema import json_schema
from detector.testing import Outcome, run_files
from stolper.folder import rule_paths

LEAST = 3
"""A shipped rule has at least so many examples that fire, and as many that stay silent."""

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder; its rules/ are read after the shipped ones.",
)


@click.group()
def rules() -> None:
    """Check and test rules."""


@rules.command()
@_paths
@_data
def lint(paths: tuple[Path, ...], data: Path | None) -> None:
    """Check rule files. Without PATH: the shipped rules and those of the data folder."""
    named, reference = _sources(paths, data)
    try:
        loaded = load_rules(named, reference=reference)
    except RuleErrors as error:
        for issue in error.issues:
            click.echo(f"{issue}\n", err=True)
        count = len(error.errors)
        raise click.ClickException(
            f"{count} {_plural(count, 'error')}; nothing was loaded"
        ) from None
    for warning in loaded.warnings:
        click.echo(f"{warning}\n")
    own = sum(_own(rule, named) for rule in loaded.rules)
    warnings = len(loaded.warnings)
    click.echo(
        f"{own} {_plural(own, 'rule')}, no errors, {warnings} {_plural(warnings, 'warning')}"
    )


@rules.command()
@_paths
@_data
def test(paths: tuple[Path, ...], data: Path | None) -> None:
    """Run the examples beside the rules. Without PATH: shipped rules and the data folder's."""
    named, reference = _sources(paths, data)
    try:
        loaded = load_rules(named, reference=reference)
        outcomes = run_files(named, reference=reference)
    except RuleErrors as error:
        raise click.ClickException(str(error)) from None
    shipped = {path.stem for path in shipped_rules().glob("[!_]*.yaml")} if not paths else set()
    names = sorted({rule.id for rule in loaded.rules} | {o.example.rule for o in outcomes})
    if paths:
        files = {str(o.example.rule) for o in outcomes}
        names = [n for n in names if n in files or _own(loaded.rule(n), named)]
    problems = [_report(name, outcomes, strict=name in shipped) for name in names]
    failed = sum(o.failure is not None for o in outcomes)
    passed = len(outcomes) - failed
    click.echo(
        f"\n{len(names)} {_plural(len(names), 'rule')}, {passed} examples passed, {failed} failed"
    )
    if failed or any(problems):
        raise SystemExit(1)


@rules.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    click.echo(json.dumps(json_schema(load_schema()), indent=1, ensure_ascii=False))


def _own(rule: object, named: Sequence[Path]) -> bool:
    file = getattr(rule, "file", "")
    return any(
        str(path) in file or Path(file).resolve().is_relative_to(path.resolve()) for path in named
    )


def _report(name: str, outcomes: Sequence[Outcome], *, strict: bool) -> bool:
    """Print one rule's line and failures. Return whether it has too few examples."""
    own = [o for o in outcomes if o.example.rule == name]
    firing = sum(o.fires for o in own)
    silent = len(own) - firing
    failed = [o for o in own if o.failure is not None]
    few = strict and (firing < LEAST or silent < LEAST)
    mark = "✗" if failed or few else "✓"
    click.echo(f"{mark} {name:<34} {firing} firing, {silent} silent")
    for outcome in failed:
        example = outcome.example
        click.echo(f"    {example.file}:{example.line} '{example.name}'")
        click.echo(f"        {outcome.failure}")
    if few:
        click.echo(f"    needs at least {LEAST} firing and {LEAST} silent examples")
    return few


def _sources(paths: Sequence[Path], data: Path | None) -> tuple[list[Path], list[Path]]:
    """Return what to read, and what it may only refer to."""
    if data is not None and not data.is_dir():
        raise UserError(f"{data} is no folder. Name the data folder of the server.")
    all_rules = [shipped_rules()] if data is None else rule_paths(data)
    if not paths:
        return all_rules, []
    inside = shipped_rules().resolve()
    reference = [] if any(p.resolve() == inside for p in paths) else [inside]
    return list(paths), [*reference, *all_rules[1:]]


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
