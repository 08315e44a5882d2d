"""The commands for people and programs that use the console: `stolper user` and `stolper token`."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from console.accounts import create_token, random_password, set_user
from console.password_policy import LEAST, MOST, NAME, weakness
from core.clock import SystemClock
from core.errors import NotFound, UserError
from core.model import ROLES, User
from core.sqlite import SqliteStore
from stolper.folder import with_store
from stolper.options import data_option

_HERE = "command line"

_ask = click.option("--ask", is_flag=True, help="Ask for the password instead of making one.")
_role = click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")

_WHY = {
    "short": f"a password has at least {LEAST} characters",
    "long": f"a password has at most {MOST} characters",
    "guessable": "this password is easy to guess: take other words, or leave --ask out and one is made",
}


@click.group()
def user() -> None:
    """People who sign in to the console."""


@user.command("add")
@click.argument("name")
@_role
@_ask
@data_option
def user_add(name: str, role: str, ask: bool, data: Path) -> None:
    """
    Let NAME sign in, and print their password.

    An owner may do everything, an analyst changes rules and ends sessions, support ends sessions, a
    viewer looks.
    """
    if not re.fullmatch(NAME, name):
        raise UserError(f"'{name}' cannot be a name: take small letters, digits, . _ and -")
    password = _password(name, ask)

    async def add(store: SqliteStore) -> None:
        if await store.user(name):
            raise UserError(f"there is a user '{name}' already")
        await set_user(store, name, role, password)
        await _note(store, "created", f"user {name} ({role})")

    _run(data, add)
    if not ask:
        click.echo(password)


@user.command("list")
@data_option
def user_list(data: Path) -> None:
    """List who may sign in, with their roles."""
    for one in _run(data, lambda store: store.users()):
        click.echo(f"{one.name}\t{one.role}")


@user.command("role")
@click.argument("name")
@_role
@data_option
def user_role(name: str, role: str, data: Path) -> None:
    """Give NAME another role, at once."""

    async def change(store: SqliteStore) -> None:
        known = await _known(store, name)
        if role != "owner":
            await _other_owner(store, known)
        await store.add_user(User(name, role, known.password_hash))
        await _note(store, "new_role", f"user {name} ({role})")

    _run(data, change)


@user.command("password")
@click.argument("name")
@_ask
@data_option
def user_password(name: str, ask: bool, data: Path) -> None:
    """Give NAME a new password and print it. Their sign-ins end."""
    password = _password(name, ask)

    async def change(store: SqliteStore) -> None:
        known = await _known(store, name)
        await set_user(store, name, known.role, password)
        await _note(store, "new_password", f"user {name}")

    _run(data, change)
    if not ask:
        click.echo(password)


@user.command("remove")
@click.argument("name")
@data_option
def user_remove(name: str, data: Path) -> None:
    """Let NAME sign in no more. Their sign-ins end at once."""

    async def remove(store: SqliteStore) -> None:
        await _other_owner(store, await _known(store, name))
        await store.remove_user(name)
        await _note(store, "removed", f"user {name}")

    _run(data, remove)


@click.group()
def token() -> None:
    """Tokens for the JSON API."""


@token.command("create")
@click.option(
    "--scope",
    type=click.Choice(["read", "admin", "metrics", "sourcemaps", "contacts"]),
    required=True,
    help="read looks; admin also ends sessions; metrics reads nothing but metrics; sourcemaps uploads source maps, for a build; contacts reads and writes contacts, for a telephone system or CRM.",
)
@data_option
def token_create(scope: Any, data: Path) -> None:
    """Make a token and print it. It is shown this once; only its hash is kept."""

    async def create(store: SqliteStore) -> str:
        known = {one.id for one in await store.tokens()}
        text = await create_token(store, SystemClock(), scope)
        [made] = [one.id for one in await store.tokens() if one.id not in known]
        await _note(store, "created", f"token {made} ({scope})")
        return text

    click.echo(_run(data, create))


@token.command("list")
@data_option
def token_list(data: Path) -> None:
    """List the tokens by id, with scope and day; their texts are kept nowhere."""
    for one in _run(data, lambda store: store.tokens()):
        made = datetime.fromtimestamp(one.created_ms / 1000, UTC).date()
        click.echo(f"{one.id}\t{one.scope}\t{made}")


@token.command("revoke")
@click.argument("id_", metavar="ID")
@data_option
def token_revoke(id_: str, data: Path) -> None:
    """Let the token with that ID (see `stolper token list`) in no more, at once."""

    async def revoke(store: SqliteStore) -> None:
        if not await store.remove_token(id_):
            raise NotFound(f"there is no token with the id {id_}")
        await _note(store, "removed", f"token {id_}")

    _run(data, revoke)


def _run(data: Path, work: Any) -> Any:
    return asyncio.run(with_store(data, work, make=True))


def _password(name: str, ask: bool) -> str:
    """Return a password that is random, or asked for and then neither short nor easy to guess."""
    if not ask:
        return random_password()
    password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    why = weakness(password, name)
    if why is not None:
        raise UserError(_WHY[why])
    return password


async def _known(store: SqliteStore, name: str) -> User:
    known = await store.user(name)
    if known is None:
        raise NotFound(f"there is no user '{name}'")
    return known


async def _other_owner(store: SqliteStore, known: User) -> None:
    """Raise UserError if *known* is the last owner: nobody could give rights any more."""
    owners = [one.name for one in await store.users() if one.role == "owner"]
    if owners == [known.name]:
        raise UserError(f"'{known.name}' is the only owner; make another first")


async def _note(store: SqliteStore, action: str, subject: str) -> None:
    await store.audit(SystemClock().now_ms(), _HERE, action, subject)
