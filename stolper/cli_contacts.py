"""
`stolper contacts`: systems that send contacts by webhook with their secrets, and contacts from CSV files.

Owns words; what a file may hold is desk/table.py's.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from collector.identity import HASHES, kept_id
from console.contacting import API_SOURCE, TABLE_SOURCE
from core.clock import SystemClock
from core.contacts import source_key_name
from core.errors import NotFound, UserError
from core.sqlite import SqliteStore
from desk.contacts import channels_of
from desk.inbox import Inbox
from desk.table import read_table
from desk.webhooks import secret_text
from stolper.folder import with_store
from stolper.options import data_option, settings_of

_HERE = "command line"
_NAME = r"[a-z0-9][a-z0-9-]{0,39}"


@click.group()
def contacts() -> None:
    """Contacts of customers: calls, mails, chats ... from other systems."""


@contacts.group("source")
def source() -> None:
    """Systems that send contacts by signed webhook."""


@source.command("add")
@click.argument("name")
@data_option
def source_add(name: str, data: Path) -> None:
    """
    Let contacts come in from NAME, and print the secret that it signs with.

    It posts to /api/v1/contacts/inbox/NAME of the console's listener, as docs/customers.md says.
    """
    if not re.fullmatch(_NAME, name):
        raise UserError(f"'{name}' cannot be a name: take small letters, digits and -")
    if name in (API_SOURCE, TABLE_SOURCE):
        raise UserError(f"'{name}' stands for what comes by API or file: take another name")

    async def add(store: SqliteStore) -> str:
        now_ms = SystemClock().now_ms()
        await store.add_contact_source(name, now_ms)
        await store.audit(now_ms, _HERE, "created", f"source of contacts {name}")
        return secret_text(await store.server_key(source_key_name(name)))

    click.echo(asyncio.run(with_store(data, add, make=True)))


@source.command("list")
@data_option
def source_list(data: Path) -> None:
    """List the sources by name, with the day on which each was made."""
    for name, made_ms in asyncio.run(with_store(data, lambda store: store.contact_sources())):
        click.echo(f"{name}\t{datetime.fromtimestamp(made_ms / 1000, UTC).date()}")


@source.command("remove")
@click.argument("name")
@data_option
def source_remove(name: str, data: Path) -> None:
    """Take no more contacts from NAME, at once; what it sent stays."""

    async def remove(store: SqliteStore) -> None:
        if not await store.remove_contact_source(name):
            raise NotFound(
                f"there is no source '{name}'; `stolper contacts source list` names them"
            )
        await store.audit(SystemClock().now_ms(), _HERE, "removed", f"source of contacts {name}")

    asyncio.run(with_store(data, remove))


@contacts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def import_(file: Path, data: Path) -> None:
    """
    Keep the contacts in FILE, a CSV file with heads; the same file again brings nothing new.

    If a row is wrong none is taken, and all that are wrong are named by line.
    """
    channels = channels_of(settings_of(data).contacts.channels)
    drafts = read_table(file.read_bytes(), channels, SystemClock().now_ms())

    async def keep(store: SqliteStore) -> Counter[str]:
        key = await store.server_key(HASHES)
        inbox = Inbox(store, SystemClock(), channels, lambda text: kept_id(text, key)[0])
        done: Counter[str] = Counter()
        for draft in drafts:
            taken = await inbox.take(draft, source=TABLE_SOURCE, by=_HERE)
            done[taken.put] += 1
        now_ms = SystemClock().now_ms()
        await store.audit(now_ms, _HERE, "contacts_imported", f"{done['stored']} contacts")
        return done

    done = asyncio.run(with_store(data, keep))
    click.echo(f"{done['stored']} contacts kept, {done['duplicate']} were there already")
    if done["conflict"]:
        click.echo(f"{done['conflict']} not kept: their keys stand for other contents")
    if done["erased"]:
        click.echo(f"{done['erased']} not kept: they, or their customers, were erased")
