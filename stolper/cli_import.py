"""
`stolper import`: makes sessions of other tools' recordings.

Owns words, files and exit codes; the work is stolper/importing.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path

import click

from core.clock import SystemClock
from core.errors import Refused, UserError
from core.health import DAY_MS
from core.model import Site
from core.settings import Settings
from core.sqlite import SqliteStore
from detector.engine import Engine
from replay.rrwebfile import MAX_BYTES, RecordingError
from stolper.cli_rejudge import engine_of
from stolper.folder import site_of, with_store
from stolper.importing import Imported, Prepared, prepare, secret_of, store_session
from stolper.options import data_option, settings_of


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE...",
)
@click.option("--site", required=True, help="The site (name or key) that the visits were to.")
@click.option(
    "--trust-masking",
    is_flag=True,
    help="Show what the files show: the tool that recorded them masked what had to be.",
)
@data_option
def import_(files: tuple[Path, ...], site: str, trust_masking: bool, data: Path) -> None:
    """
    Make a session of each FILE, a recording in rrweb's format.

    It is masked as the site's preset says, stored, judged by the rules in force and replayed like any
    other. FILE is a JSON array of events, an object that holds one, or one event a line; it may be
    compressed by gzip. The same file again is the same session.
    """
    failed = asyncio.run(_import(files, site, trust_masking, data, settings_of(data)))
    if failed:
        raise click.exceptions.Exit(1)


async def _import(
    files: tuple[Path, ...], name: str, trusted: bool, data: Path, settings: Settings
) -> int:
    """Import *files* one after the other; return how many could not be."""

    async def work(store: SqliteStore) -> int:
        site = await site_of(store, name)
        engine = cache(lambda: engine_of(data, store, SystemClock()))  # none if all are there
        failed = 0
        for path in files:
            try:
                done = await _one(store, path, site, trusted, engine, settings)
            except (RecordingError, UserError, Refused) as error:
                click.echo(f"{path}: {error}. Nothing of it was imported.", err=True)
                failed += 1
            else:
                click.echo(_said(path, done))
                _warn_of_age(done, site)
        return failed

    return await with_store(data, work)


async def _one(
    store: SqliteStore,
    path: Path,
    site: Site,
    trusted: bool,
    engine: Callable[[], Engine],
    settings: Settings,
) -> Imported:
    secret = await secret_of(store)
    prepared = await asyncio.to_thread(_prepared, path, site, secret, trusted)
    return await store_session(store, site, prepared, engine, settings)


def _prepared(path: Path, site: Site, secret: bytes, trusted: bool) -> Prepared:
    if path.stat().st_size > MAX_BYTES:
        raise RecordingError(f"it has more than {MAX_BYTES // 1024 // 1024} MB")
    now_ms = SystemClock().now_ms()
    return prepare(path.read_bytes(), site, secret=secret, now_ms=now_ms, trusted=trusted)


def _warn_of_age(done: Imported, site: Site) -> None:
    """Say it where the server's retention is going to remove the session at once."""
    ended = done.session.ended_ms or done.session.last_ms
    days = (SystemClock().now_ms() - ended) // DAY_MS
    if days >= site.options.keep_days:
        click.echo(
            f"note: that visit ended {days} days ago, and the site keeps {site.options.keep_days}: a"
            f" running server removes it. See `stolper site set {site.name} keep_days=...`.",
            err=True,
        )


def _said(path: Path, done: Imported) -> str:
    """Return the line that tells what became of a file."""
    flags = ", ".join(sorted(set(done.flags))) or "none"
    was = "is there already as" if done.again else "is now"
    return f"{path}: {was} session {done.session.id} ({done.events} events; flags: {flags})"
