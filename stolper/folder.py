"""
A data folder as commands see it: its rule files, its store, its sites.

Owns what they say when one of these is not there.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from core.clock import SystemClock
from core.errors import NotFound, UserError
from core.model import Site
from core.sqlite import SqliteStore
from core.sqlite.store import DATABASE
from detector.files import rule_files
from detector.loader import shipped_rules

T = TypeVar("T")

OWN_RULES = "rules"
OWN_REPORTS = "reports"
"""The folder of own rule files inside the data folder."""


def rule_paths(data: Path) -> list[Path]:
    """Return where the rules of *data* are: the shipped ones, then its own if it has any."""
    own = data / OWN_RULES
    return [shipped_rules(), *([own] if own.is_dir() and rule_files(own) else [])]


async def with_store(
    data: Path, work: Callable[[SqliteStore], Awaitable[T]], *, make: bool = False
) -> T:
    """Return what *work* does with the store of *data*, which must be there unless *make*."""
    if not (data / DATABASE).is_file():
        if not make:
            raise UserError(f"{data} holds no Stolper data. Name the data folder of the server.")
        click.echo(f"note: {data} held no Stolper data yet; it does now", err=True)
    store = SqliteStore(data, SystemClock())  # not read-only: it may need a migration
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


async def site_of(store: SqliteStore, name: str) -> Site:
    """Return the site called *name*. Raise NotFound if there is none."""
    found = await store.site(name)
    if found is None:
        raise NotFound(f"there is no site '{name}'; `stolper site list` names them")
    return found


@contextmanager
def sessions_bar(total: int) -> Iterator[Callable[[int, int], None]]:
    """Show how many of *total* sessions are done, if somebody looks; yield what to tell it."""
    with click.progressbar(
        length=total, label="sessions", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        yield lambda done, _: bar.update(done - bar.pos)
