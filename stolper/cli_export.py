"""
`stolper export`: writes a session down for other programs.

Owns words, files and exit codes; what is written is replay/export.py's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import click

from core.clock import SystemClock
from core.erasing import KEY, Kind, subject
from core.errors import NotFound
from core.sqlite import SqliteStore
from replay import deep
from replay.dossier import write_dossier
from replay.export import rrweb_events
from stolper.cli_erase import person_of, person_options
from stolper.erasure import Eraser
from stolper.folder import with_store
from stolper.options import data_option


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["rrweb", "zip"]),
    help="rrweb: one JSON array of events that rrweb's player plays, of a session (the default there);"
    " zip: all that is stored of somebody, to be handed to them.",
)
@person_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write here in place of standard output. Must not be there yet.",
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
    customer: str | None,
    visitor: str | None,
    session: str | None,
    site: str | None,
    out: Path | None,
    facts: bool,
    data: Path,
) -> None:
    """Write a session, or all of a person, down in a form that other programs read."""
    kind, id_ = person_of(customer, visitor, session)
    if form == "zip" or session is None:
        if form == "rrweb":
            raise click.UsageError("--format rrweb is of one --session.")
        number = asyncio.run(with_store(data, lambda store: _zip(store, kind, id_, site, out)))
        click.echo(f"{number} sessions of this {kind} were written", err=True)
        return
    form = "rrweb"
    count = asyncio.run(with_store(data, lambda store: _write(store, session, out, facts)))
    click.echo(f"{count} {form} events of session {session} were written", err=True)


async def _zip(store: SqliteStore, kind: Kind, id_: str, site: str | None, out: Path | None) -> int:
    """Write all that is stored of somebody to *out*; return how many sessions that are."""
    clock = SystemClock()
    eraser = Eraser(store, clock)
    whom = await eraser.whom(kind, id_, site)
    sessions = await eraser.sessions(whom)
    if not sessions:
        raise NotFound(f"nothing is stored of this {kind}")
    with _target(out) as file:
        await write_dossier(
            store, whom, sessions, file, at_ms=clock.now_ms(), version=version("stolper")
        )
    await store.audit(
        clock.now_ms(), "command line", "exported", subject(await store.server_key(KEY), whom)
    )
    return len(sessions)


async def _write(store: SqliteStore, session: str, out: Path | None, facts: bool) -> int:
    """Write the events of *session* to *out*, one a line; return how many there are."""
    if await store.session(session) is None:
        raise NotFound(f"there is no session '{session}'")
    count = 0
    with _target(out) as file:
        file.write(b"[")
        async for event in rrweb_events(store, session, facts=facts):
            file.write(b",\n" if count else b"\n")
            file.write(deep.dumps(event))
            count += 1
        file.write(b"\n]\n")
    return count


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
