"""
`stolper transcript`: tells a session as text.

Owns words and exit codes; what is told is replay/transcript.py's, in which words the console's.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from console.audit_pages import COMMAND_LINE
from console.language import LANGUAGES, Language
from console.transcript_words import told
from core.clock import SystemClock
from core.errors import NotFound
from core.sqlite import SqliteStore
from replay.known import Span, known_of, parse_span
from replay.transcript import transcribe
from stolper.folder import with_store
from stolper.options import data_option, span_options


@click.command()
@click.argument("session")
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    default="en",
    show_default=True,
    help="Language of the sentences.",
)
@span_options
@data_option
def transcript(
    session: str, language: str, from_: str | None, until: str | None, data: Path
) -> None:
    """Tell SESSION as text: what the visitor did, what came of it, every struggle."""
    span = parse_span(from_, until)
    click.echo(asyncio.run(with_store(data, lambda store: _told(store, session, language, span))))


async def _told(store: SqliteStore, id_: str, language: str, span: Span) -> str:
    session = await store.session(id_)
    if session is None:
        raise NotFound(f"there is no session '{id_}'")
    await store.audit(SystemClock().now_ms(), COMMAND_LINE, "transcribed", id_)
    known = await known_of(store, session, span)
    return told(session, transcribe(known), Language(language)).text
