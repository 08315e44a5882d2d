"""`stolper erase`: everything that is stored of a customer, a visitor or one session, gone for good."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import click

from console.auth import folder_word
from console.signing import Signer
from core.clock import SystemClock
from core.erasing import KINDS, Kind, listed, read_list
from core.errors import StoreFailed, UserError
from core.sqlite import SqliteStore
from core.sqlite.burying import with_tombstones
from core.sqlite.restore import Settle
from core.sqlite.store import DATABASE
from replay.dossier import contacts_of
from stolper.erasure import Eraser
from stolper.folder import with_store
from stolper.options import data_option

F = TypeVar("F", bound=Callable[..., Any])


def person_options(command: F) -> F:
    """Add --customer, --visitor, --session and --site."""
    for name, text in (
        ("site", "Only on this site."),
        ("session", "One session, by its id."),
        ("visitor", "A browser that the snippet knows again (mode full), by its id."),
        ("customer", "Whom the site gave to identify: an id, or an e-mail address."),
    ):
        command = click.option(f"--{name}", metavar="NAME" if name == "site" else "ID", help=text)(
            command
        )
    return command


def person_of(customer: str | None, visitor: str | None, session: str | None) -> tuple[Kind, str]:
    """Return kind and id of whoever is named. Raise UsageError unless exactly one is."""
    given = [
        (kind, id_)
        for kind, id_ in zip(KINDS, (customer, visitor, session), strict=True)
        if id_ is not None and id_.strip()
    ]
    if len(given) != 1:
        raise click.UsageError("Name one of --customer, --visitor and --session.")
    return given[0]


@click.command()
@person_options
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--list",
    "list_",
    is_flag=True,
    help="Erase nothing; print what was erased so far, by keyed hashes, for `stolper restore --erased`.",
)
@data_option
def erase(
    customer: str | None,
    visitor: str | None,
    session: str | None,
    site: str | None,
    dry_run: bool,
    yes: bool,
    list_: bool,
    data: Path,
) -> None:
    """Erase all that is stored of somebody, also while a server runs. It cannot be undone."""
    if list_:
        click.echo(json.dumps(asyncio.run(_list(data))))
        return
    kind, id_ = person_of(customer, visitor, session)
    asked = {"kind": kind, "id": id_, "site": site}
    found = _run(data, {**asked, "dry_run": True})
    click.echo(f"{len(found['sessions'])} sessions of this {kind} are stored")
    if found["contacts"]:
        click.echo(f"{found['contacts']} contacts of this {kind} are stored")
    for one in found["visitors"]:
        click.echo(f"  came as the visitor {one}; sessions without sign-in: --visitor {one}")
    if dry_run:
        return
    if not yes:
        click.confirm("Erase them for good?", abort=True)
    erased = _run(data, asked)["erased"]
    click.echo(
        f"{erased['sessions']} sessions and {erased['assets']} assets are gone;"
        + (f" {erased['contacts']} contacts, too;" if erased["contacts"] else "")
        + f" {erased['bytes']} bytes of files and {erased['pages']} pages of the database were overwritten"
    )
    click.echo(f"In the audit it is {erased['subject']}. Backups hold it still: see --list.")


def erased_since(source: Path) -> Settle:
    """Return what keeps erased in a restored backup what the list or the data folder *source* says."""
    if source.is_dir():
        return with_tombstones(*read_list(asyncio.run(_list(source))))
    try:
        return with_tombstones(*read_list(json.loads(source.read_text())))
    except ValueError:
        raise UserError(f"{source} is no list of what was erased") from None


async def bury(data: Path) -> int:
    """Erase what the tombstones of a restored folder stand for; return how many sessions."""
    return await with_store(data, lambda store: Eraser(store, SystemClock()).bury())


async def _list(data: Path) -> dict[str, Any]:
    async def read(store: SqliteStore) -> dict[str, Any]:
        return listed(*await store.tombstones())

    return await with_store(data, read)


def _run(data: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Have the server that runs on *data* do it, or do it here if none does."""
    if not (data / DATABASE).is_file():
        raise UserError(f"{data} holds no Stolper data. Name the data folder of the server.")
    with _alone(data) as alone:
        if alone:
            return asyncio.run(_here(data, asked))
    return asyncio.run(_ask(data, asked))


@contextmanager
def _alone(data: Path) -> Iterator[bool]:
    """Let no server start on *data* meanwhile; yield whether none runs."""
    handle = os.open(data / "server.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


async def _here(data: Path, asked: dict[str, Any]) -> dict[str, Any]:
    async def work(store: SqliteStore) -> dict[str, Any]:
        eraser = Eraser(store, SystemClock())
        whom = await eraser.whom(asked["kind"], asked["id"], asked["site"])
        told: dict[str, Any] = {
            "sessions": [one.id for one in await eraser.sessions(whom)],
            "visitors": await eraser.others(whom),
            "contacts": len(await contacts_of(store, whom)),
        }
        if not asked.get("dry_run"):
            erased = await eraser.erase(whom)
            await store.audit(SystemClock().now_ms(), "command line", "erased", erased.subject)
            told["erased"] = asdict(erased)
        return told

    return await with_store(data, work)


async def _ask(data: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask the running server, by the authority of whoever can read its folder."""
    key = await with_store(data, lambda store: store.server_key("console"))
    try:
        url = str(json.loads((data / "server.json").read_bytes())["console_url"])
    except (OSError, ValueError, KeyError):
        raise StoreFailed("the server is starting or stopping; try again in a moment") from None
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    headers = {"Authorization": f"Bearer {folder_word(Signer(key), SystemClock().now_ms())}"}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(f"{url}/api/v1/erase", json=asked, headers=headers) as answer,
        ):
            told: dict[str, Any] = await answer.json()
    except (aiohttp.ClientError, OSError) as error:
        raise StoreFailed(f"the running server does not answer at {url}: {error}") from error
    if not told.get("ok"):
        raise UserError(str(told.get("error")))
    return told
