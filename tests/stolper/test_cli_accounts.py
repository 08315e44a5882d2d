"""`stolper user` and `stolper token`: accounts come and go, and the audit log says so."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from click.testing import CliRunner, Result

from console.accounts import Passwords
from core.clock import SystemClock
from core.model import Audited, User
from core.sqlite import SqliteStore
from stolper.cli import main


def call(data: Path, *words: str, given: str = "") -> Result:
    return CliRunner().invoke(main, [*words, "--data", str(data)], input=given)


def checked(data: Path, name: str, password: str) -> tuple[User | None, list[Audited]]:
    """Return the user whom that password lets in, and the audit log."""

    async def look() -> tuple[User | None, list[Audited]]:
        store = SqliteStore(data, SystemClock())
        await store.open()
        found = await Passwords(store).check(name, password), await store.audited(100)
        await store.close()
        return found

    return asyncio.run(look())


def test_users_come_and_go(tmp_path: Path) -> None:
    """An account is made with a password that lets in, gets another role, and is taken away."""
    made = call(tmp_path, "user", "add", "ada", "--role", "owner")
    again = call(tmp_path, "user", "add", "ada", "--role", "viewer")
    call(tmp_path, "user", "add", "bob", "--role", "viewer")
    alone = [
        call(tmp_path, "user", "remove", "ada"),
        call(tmp_path, "user", "role", "ada", "--role", "viewer"),
    ]
    call(tmp_path, "user", "role", "bob", "--role", "owner")
    call(tmp_path, "user", "remove", "ada")
    listed = call(tmp_path, "user", "list")
    nobody, log = checked(tmp_path, "ada", made.stdout.strip())

    assert re.fullmatch(r"([0-9a-f]{4}-){3}[0-9a-f]{4}\n", made.stdout)
    assert "there is a user 'ada' already" in again.output
    assert all("is the only owner" in one.output for one in alone)
    assert "bob\towner\n" == listed.stdout
    assert nobody is None
    assert ["removed", "new_role", "created", "created"] == [one.action for one in log]


def test_chosen_passwords_are_looked_at(tmp_path: Path) -> None:
    """A password that is asked for must be long and not easy to guess; a good one lets in."""
    words = ("user", "add", "ada", "--role", "support", "--ask")
    short = call(tmp_path, *words, given="short\nshort\n")
    easy = call(tmp_path, *words, given="Passwort2026!\nPasswort2026!\n")
    good = call(tmp_path, *words, given="vier graue Dachse\nvier graue Dachse\n")
    user, _ = checked(tmp_path, "ada", "vier graue Dachse")

    assert "at least 12 characters" in short.output
    assert "easy to guess" in easy.output
    assert 0 == good.exit_code
    assert "Dachse" not in good.output
    assert user
    assert "support" == user.role


def test_tokens_are_listed_and_revoked(tmp_path: Path) -> None:
    """A token is listed by its id, and gone once it is revoked."""
    call(tmp_path, "token", "create", "--scope", "metrics")
    listed = call(tmp_path, "token", "list").stdout
    id_, scope, _ = listed.split("\t")
    first = call(tmp_path, "token", "revoke", id_)
    second = call(tmp_path, "token", "revoke", id_)

    assert "metrics" == scope
    assert 0 == first.exit_code
    assert "there is no token with the id" in second.output
    assert "" == call(tmp_path, "token", "list").stdout
