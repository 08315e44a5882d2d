"""
`stolper export`: writes a session down, for people and for other programs.

Owns words, files and exit codes; what is written is console/exporting.py's, of a person replay/dossier.py's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, cast

import click

from console.audit_pages import COMMAND_LINE
from console.exporting import FORMS, Form, Wish, write_export
from console.language import LANGUAGES
from core.clock import SystemClock
from core.erasing import KEY, Kind, subject
from core.errors import NotFound
from core.sqlite import SqliteStore
from replay.dossier import contacts_of, write_dossier
from replay.known import parse_span
from stolper.cli_erase import person_of, person_options
from stolper.erasure import Eraser
from stolper.folder import with_store
from stolper.options import data_option, span_options
from stolper.paths import player_dir


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMS, "zip"]),
    help="Of a session: rrweb (the default there), one JSON array of events that rrweb's player plays; html, one"
    " file that plays offline; csv, json, its events; text, its transcript. zip: all that is stored of somebody.",
)
@click.option("--html", is_flag=True, help="The same as --format html.")
@person_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write here in place of standard output. Must not be there yet.",
)
@span_options
@click.option(
    "--notes/--no-notes",
    default=True,
    show_default=True,
    help="With what people wrote at the session.",
)
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    default="en",
    show_default=True,
    help="Of what is written in words; an HTML file has all languages.",
)
@click.option(
    "--facts/--no-facts",
    default=True,
    show_default=True,
    help="With Stolper's own events beside the picture, which `stolper import` reads.",
)
@data_option
def export(
    form: str | None,
    html: bool,
    customer: str | None,
    visitor: str | None,
    session: str | None,
    site: str | None,
    out: Path | None,
    from_: str | None,
    until: str | None,
    notes: bool,
    language: str,
    facts: bool,
    data: Path,
) -> None:
    """Write a session, or all of a person, down in a form that others read."""
    kind, id_ = person_of(customer, visitor, session)
    if html and form not in (None, "html"):
        raise click.UsageError(f"--html and --format {form} are two forms.")
    form = "html" if html else form
    if form == "zip" or session is None:
        if form not in (None, "zip"):
            raise click.UsageError(f"--format {form} is of one --session.")
        number = asyncio.run(with_store(data, lambda store: _zip(store, kind, id_, site, out)))
        click.echo(f"{number} sessions of this {kind} were written", err=True)
        return
    wish = Wish(cast(Form, form or "rrweb"), parse_span(from_, until), language, notes, facts)
    asyncio.run(with_store(data, lambda store: _write(store, session, wish, out)))
    where = out or "standard output"
    click.echo(f"session {session} was written to {where} as {wish.form}", err=True)


async def _zip(store: SqliteStore, kind: Kind, id_: str, site: str | None, out: Path | None) -> int:
    """Write all that is stored of somebody to *out*; return how many sessions that are."""
    clock = SystemClock()
    eraser = Eraser(store, clock)
    whom = await eraser.whom(kind, id_, site)
    sessions = await eraser.sessions(whom)
    if not sessions and not await contacts_of(store, whom):
        raise NotFound(f"nothing is stored of this {kind}")
    with _target(out) as file:
        await write_dossier(
            store, whom, sessions, file, at_ms=clock.now_ms(), version=version("stolper")
        )
    await store.audit(
        clock.now_ms(), "command line", "exported", subject(await store.server_key(KEY), whom)
    )
    return len(sessions)


async def _write(store: SqliteStore, id_: str, wish: Wish, out: Path | None) -> None:
    """Write a session to *out* as *wish* says."""
    session = await store.session(id_)
    if session is None:
        raise NotFound(f"there is no session '{id_}'")
    with _target(out) as file:
        await write_export(store, session, wish, player_dir(), file)
    await store.audit(SystemClock().now_ms(), COMMAND_LINE, "exported_file", id_)


@contextmanager
def _target(out: Path | None) -> Iterator[BinaryIO]:
    """Yield where to write. A file is there under its name only once it is whole."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if out.exists():
        raise click.UsageError(f"{out} is there already.")
    begun = out.with_name(out.name + ".part")
    try:
        handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise click.UsageError(
            f"{begun} is there: another export writes it, or was killed."
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        begun.rename(out)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise
