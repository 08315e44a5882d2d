"""
`stolper rules rejudge`: judges ended sessions again by the rules that the files hold now.

Owns words and exit codes; the judging is detector/history.py.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from core.clock import SystemClock
from core.errors import UserError
from core.model import SessionQuery
from core.settings import Settings
from core.sqlite import SqliteStore
from detector.engine import Engine
from detector.history import History, Rejudged
from detector.loader import shipped_rules
from stolper.folder import OWN_RULES, sessions_bar, site_of, with_store
from stolper.options import Duration, data_option, settings_of
from stolper.own_rules import OwnRules
from stolper.rulebook import Rulebook


@click.command()
@click.option(
    "--since",
    type=Duration(),
    default="7d",
    show_default=True,
    help="Sessions that began at most so long ago, e.g. 12h, 7d.",
)
@click.option("--site", help="Only sessions of this site (name or key).")
@data_option
def rejudge(since: int, site: str | None, data: Path) -> None:
    """
    Judge ended sessions again by the rules in force, and store what comes of it.

    A mapping, an exception or a rule that is new today then counts for the past, too. Works while
    a server runs on the folder.
    """
    found = asyncio.run(_rejudge(data, settings_of(data), since, site))
    word = "session" if found.judged == 1 else "sessions"
    click.echo(f"{found.judged} {word} judged again, {found.changed} changed")


async def _rejudge(data: Path, settings: Settings, since: int, site: str | None) -> Rejudged:
    async def work(store: SqliteStore) -> Rejudged:
        if site is not None:
            await site_of(store, site)
        clock = SystemClock()
        engine = engine_of(data, store, clock)
        now = clock.now_ms()
        query = SessionQuery(site=site, since_ms=now - since, until_ms=now + 1)
        history = History(store, flush_ms=settings.collector.flush_ms)
        with sessions_bar(await store.count_sessions(query)) as progress:
            return await history.rejudge(engine, query, progress=progress)

    return await with_store(data, work)


def engine_of(data: Path, store: SqliteStore, clock: SystemClock) -> Engine:
    """Return the rules of *data*, compiled. Raise UserError if they could not come in force."""
    own = OwnRules(data / OWN_RULES)
    texts, wrong = own.texts()
    reading = Rulebook(own, store, clock, shipped=[shipped_rules()]).read(texts)
    problems = [*wrong.values(), *reading.problems]
    if problems:
        raise UserError("\n".join([*problems, "Nothing was judged: these files are not in force."]))
    return Engine(reading.rules)
