"""Accounts: the owner's password is shown once, and only hashes are stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from argon2 import PasswordHasher

from console.accounts import (
    Passwords,
    Throttle,
    create_token,
    ensure_owner,
    find_token,
    set_owner_password,
)
from console.signing import Signer
from core.model import User
from core.sqlite import SqliteStore
from tests.console.support import Clock


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", Clock())
    await opened.open()
    yield opened
    await opened.close()


async def test_owner_is_made_once(store: SqliteStore) -> None:
    """The first start returns a password that signs in; later starts return none and keep it."""
    password = await ensure_owner(store, Clock())

    assert password
    assert await ensure_owner(store, Clock()) is None
    assert await Passwords(store).check("owner", password)
    assert await Passwords(store).check("owner", "wrong") is None
    assert await Passwords(store).check("nobody", password) is None
    user = await store.user("owner")

    assert user
    assert user.password_hash.startswith("$argon2id$")
    assert password not in user.password_hash


async def test_new_password_replaces_the_old(store: SqliteStore) -> None:
    """After a new password the old one is wrong."""
    old = await set_owner_password(store)
    new = await set_owner_password(store)

    assert await Passwords(store).check("owner", old) is None
    assert await Passwords(store).check("owner", new)


async def test_tokens_are_found_by_their_text(store: SqliteStore) -> None:
    """A token is found by its text alone; what is stored is not the text."""
    text = await create_token(store, Clock(), "admin")
    found = await find_token(store, text)

    assert found
    assert found.scope == "admin"
    assert text.encode() not in found.hash
    assert await find_token(store, text + "x") is None


async def test_few_may_wait_for_argon2(store: SqliteStore) -> None:
    """Each check takes 64 MiB and much of a core: when two run and eight wait, it is busy."""
    await store.add_user(User("owner", "owner", PasswordHasher(1, 64, 1).hash("right")))
    passwords = Passwords(store)

    async def begin(count: int) -> list[asyncio.Task[User | None]]:
        begun = [asyncio.create_task(passwords.check("owner", "wrong")) for _ in range(count)]
        await asyncio.sleep(0)
        return begun

    checks = await begin(9)
    nine = passwords.busy
    checks += await begin(1)
    ten = passwords.busy

    assert (nine, ten) == (False, True)
    assert await asyncio.gather(*checks) == [None] * 10
    assert not passwords.busy


def test_throttle_doubles_up_to_its_cap() -> None:
    """Waiting begins after the free failures, doubles, stops at the cap, and is per guesser."""
    clock = Clock()
    throttle = Throttle(clock, free=2, first_ms=1000, cap_ms=3000, size=2)
    waits = []
    for _ in range(5):
        throttle.failed("a")
        waits.append(throttle.wait_ms("a"))

    assert waits == [0, 1000, 2000, 3000, 3000]
    assert throttle.wait_ms("b") == 0
    throttle.succeeded("a")
    assert throttle.wait_ms("a") == 0


def test_signed_texts_serve_one_use() -> None:
    """A signed text is read back until it expires, by its own kind and key only."""
    signer = Signer(b"k" * 32)
    text = signer.sign("stage", ["a", "ü"], 1000)

    assert signer.read("stage", text, 999) == ["a", "ü"]
    assert signer.read("stage", text, 1000) is None
    assert signer.read("form", text, 999) is None
    assert Signer(b"x" * 32).read("stage", text, 999) is None
    for wrong in ("", ".", "x.y", text[:-1], text + "x", "ä" + text):
        assert signer.read("stage", wrong, 0) is None
