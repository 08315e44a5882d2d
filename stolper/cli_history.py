"""
`stolper rules backtest | explain`: what a draft would change, and why a rule did what it did.

Owns words and exit codes; the work is stolper/history.py, detector/explain.py and overview.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from core.clock import SystemClock
from core.errors import NotFound, UserError
from core.model import SessionQuery
from core.settings import Settings
from core.sqlite import SqliteStore
from detector.backtest import CHANGES, Backtest, FlagChange
from detector.drafts import read_texts
from detector.errors import RuleErrors
from detector.evidence import EventSeen, FlagSeen
from detector.explain import Explained
from detector.explain import explain as explain_session
from detector.loader import load_rules
from detector.overview import Overview, overview
from detector.rule import RuleSet
from detector.words import lasting
from stolper.folder import rule_paths, sessions_bar, site_of, with_store
from stolper.history import LITTLE_EVENTS, draft_of
from stolper.history import backtest as run_backtest
from stolper.options import Duration, data_option, settings_of

_SIGNS = {"gained": "+", "lost": "-", "unchanged": "="}
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--since",
    type=Duration(),
    default="7d",
    show_default=True,
    help="Sessions that began at most so long ago, e.g. 12h, 7d.",
)
@click.option("--site", help="Only sessions of this site (name or key).")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="Processes to judge with. Default: one per core, if there is much to judge.",
)
@click.option(
    "--examples",
    type=click.IntRange(0, 20),
    default=3,
    show_default=True,
    help="Examples printed of each change of a rule.",
)
@_json
@data_option
def backtest(
    file: Path,
    since: int,
    site: str | None,
    jobs: int | None,
    examples: int,
    as_json: bool,
    data: Path,
) -> None:
    """
    Judge ended sessions with the draft FILE and with the rules in force, and print what differs.

    FILE stands for the file of its name in the data folder, or comes beside those that are there.
    Nothing is written. Works while a server runs on the folder.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}. Name a rule file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} cannot be read: {error}. Save it as UTF-8.") from None
    draft = draft_of(read_texts(rule_paths(data)), str(file), text)
    settings = settings_of(data)

    async def work(store: SqliteStore) -> Backtest:
        if site is not None:
            await site_of(store, site)
        now = SystemClock().now_ms()
        query = SessionQuery(site=site, since_ms=now - since, until_ms=now + 1)
        with sessions_bar(await store.count_sessions(query)) as progress:
            return await run_backtest(
                store,
                draft,
                query,
                data=data,
                flush_ms=settings.collector.flush_ms,
                jobs=(os.cpu_count() or 1) if jobs is None else 0 if jobs == 1 else jobs,
                little_events=LITTLE_EVENTS if jobs is None else 0,
                progress=progress,
            )

    try:
        found = asyncio.run(with_store(data, work))
    except RuleErrors as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        _print_json(_as_json(found))
    else:
        _print_backtest(file, found, examples)


@click.command()
@click.argument("rule")
@click.option("--session", help="Say what the rule made of this session.")
@_json
@data_option
def explain(rule: str, session: str | None, as_json: bool, data: Path) -> None:
    """
    Say what RULE waits for, with its values in force; with --session why it flagged it or not.

    For each flag the events and the conditions that held are printed with what was seen; if there
    is none, what kept the rule from flagging, or how near it came.
    """
    try:
        rules = load_rules(rule_paths(data))
    except RuleErrors as error:
        raise click.ClickException(str(error)) from None
    found = overview(rules, rule)
    if session is None:
        if as_json:
            _print_json(dataclasses.asdict(found))
        else:
            _print_overview(found)
        return
    if not found.enabled:
        raise click.ClickException(
            f"the rule '{rule}' is switched off: stolper rules explain {rule}"
        )
    made = asyncio.run(
        with_store(data, lambda store: _explained(store, rules, rule, session, settings_of(data)))
    )
    if as_json:
        _print_json(dataclasses.asdict(made))
    else:
        _print_explained(made)


async def _explained(
    store: SqliteStore, rules: RuleSet, rule: str, name: str, settings: Settings
) -> Explained:
    session = await store.session(name)
    if session is None:
        raise NotFound(f"there is no session '{name}'")
    site = await store.site(session.site)
    return explain_session(
        rules,
        rule,
        session,
        await store.batches(name),
        flush_ms=settings.collector.flush_ms,
        idle_timeout_ms=site.idle_timeout_ms if site else 0,
    )


# -- printing ----------------------------------------------------------------------------


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that move a terminal's cursor, colour or title it, or turn its text round."""


def _tell(text: str, *, err: bool = False) -> None:
    """Print *text*, which holds what browsers have sent: nothing in it steers the terminal."""
    click.echo(_UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text), err=err)


def _print_json(value: object) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def _as_json(found: Backtest) -> dict[str, Any]:
    return {
        "sessions": found.sessions,
        "events": found.events,
        "sessions_flagged": found.flagged,
        "failed_events": found.errors,
        **{change: found.total(change) for change in CHANGES},
        "rules": {
            name: {
                **{change: getattr(rule, change) for change in CHANGES},
                "moved": rule.moved,
                "examples": [
                    dataclasses.asdict(item)
                    for change in CHANGES
                    for item in found.examples(change, rule=name)
                ],
            }
            for name, rule in sorted(found.rules.items())
        },
    }


def _print_backtest(file: Path, found: Backtest, examples: int) -> None:
    _tell(f"{file.name} against the rules in force")
    _tell(f"{found.sessions:,} ended {_sessions(found.sessions)}, {found.events:,} events\n")
    width = max([len("rule"), *map(len, found.rules)])
    _tell(f"{'rule':<{width}}  {'gained':>8}  {'lost':>8}  {'unchanged':>9}")
    for name, rule in sorted(found.rules.items()):
        moved = f"  ({rule.moved} at another moment)" if rule.moved else ""
        _tell(f"{name:<{width}}  {rule.gained:>8,}  {rule.lost:>8,}  {rule.unchanged:>9,}{moved}")
        for change in CHANGES[:2]:
            for item in found.examples(change, rule=name)[:examples]:
                _tell(f"  {_example_line(item)}")
    totals = ", ".join(f"{found.total(change):,} {change}" for change in CHANGES)
    _tell(
        f"\n{totals}; the draft flags {found.flagged:,} "
        f"of {found.sessions:,} {_sessions(found.sessions)}"
    )
    if found.errors:
        _tell(f"rules failed on {found.errors:,} events (see the log)", err=True)


def _sessions(count: int) -> str:
    return "session" if count == 1 else "sessions"


def _example_line(item: FlagChange) -> str:
    moment = datetime.fromtimestamp(item.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    group = f"  on '{item.group}'" if item.group else ""
    return f"{_SIGNS[item.change]} {moment} UTC  {item.page or ''}  session {item.session}{group}"


def _print_overview(found: Overview) -> None:
    title = found.title.get("en", "")
    _tell(f"{found.id}: {title}  ({found.file}:{found.line})")
    _tell(f"severity {found.severity}, weight {found.weight:g}, version {found.version}")
    if not found.enabled:
        _tell("It is switched off.")
    for number, lines in enumerate(found.variants, 1):
        if len(found.variants) > 1:
            _tell(f"\nform {number} of {len(found.variants)}:")
        for line in lines:
            _tell(line)
    if found.replaced_by:
        _tell(f"Its flags give way to those of {', '.join(found.replaced_by)}")
    if found.values:
        _tell("Values, the last of a name being in force:")
        for value in found.values:
            _tell(f"  {value.name}: {value.value}  ({value.file}:{value.line})")
    _tell(f"Examples: {found.firing} that fire, {found.silent} that stay silent")


def _print_explained(made: Explained) -> None:
    standing = [flag for flag in made.flags if flag.withdrawn is None]
    if made.miss is None:
        times = "once" if len(standing) == 1 else f"{len(standing)} times"
        _tell(f"{made.rule} flags session {made.session} {times}")
        for flag in standing:
            _print_flag(flag)
        return
    _tell(f"{made.rule} does not flag session {made.session}:")
    _tell(f"{made.miss.text}")
    for event in made.miss.events:
        _tell(f"  {_event_line(event, full=False)}")


def _print_flag(flag: FlagSeen) -> None:
    group = f" on '{flag.group}'" if flag.group else ""
    hits = f", {flag.hits} hits" if flag.hits > 1 else ""
    _tell(f"at +{lasting(flag.after_ms)}{group} ({flag.severity}{hits}): {flag.summary}")
    steps: set[int] = set()
    for event in flag.events:
        _tell(f"  {_event_line(event, full=event.step not in steps)}")
        steps.add(event.step)
    for name, value in flag.captures.items():
        _tell(f"  keeps {name}: {value}")


def _event_line(event: EventSeen, *, full: bool) -> str:
    """Return *event* with the conditions that failed, or, *full*, with those that held."""
    failed = event.failed
    mark = "✗" if failed or event.note else "✓"
    what = f"{mark} +{lasting(event.after_ms)} {event.type}"
    what += f" '{event.target}'" if event.target else ""
    what += f" ({event.id})" if event.id else ""
    if failed:
        return what + ": " + "; ".join(f"{c.text}, but it is {c.actual}" for c in failed)
    if event.note:
        return f"{what}: {event.note}"
    if not full or not event.checks:
        return what
    return what + ": " + "; ".join(f"{c.text} (is {c.actual})" for c in event.checks)
