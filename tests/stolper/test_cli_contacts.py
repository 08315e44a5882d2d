"""`stolper contacts`: sources with their secrets, and contacts from CSV files."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.contacts import Contact, ContactQuery, source_key_name
from core.sqlite import SqliteStore
from stolper.cli import main
from stolper.folder import with_store

ROWS = (
    "channel,started_at,customer,subject\nfax,2026-09-21,K-1,Bill\nmail,2026-09-21,,Where is it\n"
)


def stolper(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["contacts", *words, "--data", str(data)])


def kept(data: Path) -> list[Contact]:
    return asyncio.run(with_store(data, lambda store: store.contacts(ContactQuery())))


def test_a_source_is_made_with_its_secret(tmp_path: Path) -> None:
    """The secret is printed, and is what the server checks by; the source is listed once, and goes."""
    made = stolper(tmp_path, "source", "add", "crm")

    async def key(store: SqliteStore) -> bytes:
        return await store.server_key(source_key_name("crm"))

    secret = made.stdout.strip()
    assert base64.b64decode(secret.removeprefix("whsec_")) == asyncio.run(with_store(tmp_path, key))
    again = stolper(tmp_path, "source", "add", "crm")
    assert (1, True) == (again.exit_code, "already" in again.output)
    assert "crm\t" in stolper(tmp_path, "source", "list").output
    assert 0 == stolper(tmp_path, "source", "remove", "crm").exit_code
    assert "" == stolper(tmp_path, "source", "list").output
    assert "no source" in stolper(tmp_path, "source", "remove", "crm").output
    assert "cannot be a name" in stolper(tmp_path, "source", "add", "C R M").output
    for taken in ("api", "csv"):  # its keys would be those of what programs post
        assert "take another name" in stolper(tmp_path, "source", "add", taken).output


def test_a_file_is_taken_once(tmp_path: Path) -> None:
    """A channel of the settings is known; the same file again brings nothing; a wrong row keeps all out."""
    table = tmp_path / "contacts.csv"
    table.write_text(ROWS)
    data = tmp_path / "data"
    assert 0 == stolper(data, "source", "add", "crm").exit_code
    refused = stolper(data, "import", str(table))

    assert 1 == refused.exit_code
    assert "line 2: there is no channel 'fax'; there are call, chat" in refused.output
    assert [] == kept(data)
    (data / "stolper.toml").write_text('[contacts]\nchannels = ["fax"]\n')
    told = [stolper(data, "import", str(table)).output for _ in range(2)]

    assert "2 contacts kept, 0 were there already" in told[0]
    assert "0 contacts kept, 2 were there already" in told[1]
    assert {("fax", "K-1"), ("mail", None)} == {(one.channel, one.customer) for one in kept(data)}
    assert all(one.made_by == "command line" for one in kept(data))
    assert all(one.made_ms <= SystemClock().now_ms() for one in kept(data))
