"""The command line: what it prints, what it refuses, and in what words."""

from __future__ import annotations

import fcntl
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.new_site import origin_of
from core.settings import load_settings
from stolper.app import Server
from stolper.cli import main


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_site_add_prints_one_line_to_embed(tmp_path: Path) -> None:
    """Standard output is the line alone, with the default collector's address."""
    done = call("site", "add", "shop", "--origin", "https://shop.example", "--data", str(tmp_path))

    assert 0 == done.exit_code, done.output
    assert re.fullmatch(
        r'<script async src="http://127\.0\.0\.1:8000/s/s[0-9a-f]{16}\.js"></script>\n',
        done.stdout,
    )


def test_token_create_prints_the_token_alone(tmp_path: Path) -> None:
    """One line, nothing around it."""
    done = call("token", "create", "--scope", "read", "--data", str(tmp_path))

    assert re.fullmatch(r"stolper_[\w-]+\n", done.stdout)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://www.Example.org/", "https://www.example.org"),
        ("https://www.example.org:443", "https://www.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("null", "null"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(given: str, sent: str) -> None:
    """Case, default port and non-ASCII names would otherwise never match."""
    assert sent == origin_of(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("www.example.org", "is no origin"),
        ("ftp://example.org", "is no origin"),
        ("https://*.example.org", "is a pattern"),
        ("http://x y", "no valid host"),
        ("https://example.org:99999", "is no origin"),
        ("https://user:pw@example.org", "Write https://example.org"),
        ("https://example.org/shop?x=1", "Write https://example.org"),
    ],
)
def test_what_is_no_origin_is_refused_with_advice(tmp_path: Path, given: str, told: str) -> None:
    """A site whose origin can never match would refuse every batch."""
    done = call("site", "add", "shop", "--origin", given, "--data", str(tmp_path))

    assert 2 == done.exit_code
    assert told in done.stderr
    assert "pw@" not in done.stderr.split("Write")[-1]


@pytest.mark.parametrize("given", ["30", "0s", "500ms", "30x", ""])
def test_an_idle_timeout_needs_a_unit_and_a_second(tmp_path: Path, given: str) -> None:
    """At least 1s, with its unit."""
    done = call(
        "site", "add", "shop", "--origin", "https://shop.example", "--idle-timeout", given,
        "--data", str(tmp_path),
    )  # fmt: skip

    assert 2 == done.exit_code


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 81])
def test_a_site_has_a_name_of_one_line(tmp_path: Path, name: str) -> None:
    """The name stands in lists and settings."""
    done = call("site", "add", name, "--origin", "https://shop.example", "--data", str(tmp_path))

    assert 2 == done.exit_code


@pytest.mark.parametrize("option", ["--public", "--console"])
def test_an_address_in_use_is_one_sentence(tmp_path: Path, taken: str, option: str) -> None:
    """No traceback, and the owner's password is still to be printed at the next start."""
    addresses = {"--public": "127.0.0.1:0", "--console": "127.0.0.1:0"} | {option: taken}
    words = [word for pair in addresses.items() for word in pair]
    done = call("up", "--data", str(tmp_path), *words)

    assert 1 == done.exit_code
    assert f"Error: cannot listen on {taken}" in done.stderr
    assert "Traceback" not in done.output
    assert "owner" not in done.stdout


def test_a_folder_that_cannot_be_made_is_one_sentence() -> None:
    """The operating system's reason, with the path."""
    done = call("up", "--data", "/proc/nope", "--public", "127.0.0.1:0")

    assert 1 == done.exit_code
    assert done.stderr.startswith("Error: /proc/nope")


def test_an_unknown_site_is_named(tmp_path: Path) -> None:
    """A site that does not exist has no signing key."""
    done = call("site", "signing-key", "other", "--data", str(tmp_path))

    assert 1 == done.exit_code
    assert "there is no site 'other'" in done.stderr


async def test_own_rules_with_an_error_leave_the_shipped_ones_in_force(tmp_path: Path) -> None:
    """The server starts, says file and line, and judges by what it ships."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yaml").write_text("version: 1\nrules:\n  - {id: mine, titel: x}\n")
    settings = load_settings(
        tmp_path,
        env={},
        overrides={"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"},
    )
    async with Server(settings, tmp_path) as server:
        ids = {rule.id for rule in server.detector.rules.rules}

        assert server.rulebook.problems.startswith("mine.yaml:3:")
        assert {"rage_click", "dead_click"} <= ids
        assert "mine" not in ids


def test_options_of_a_site_are_set_and_shown(tmp_path: Path) -> None:
    """`site set` keeps what it was given, says all, and refuses the rest without changing anything."""
    data = str(tmp_path)
    call("site", "add", "shop", "--origin", "https://shop.example", "--data", data)
    call("site", "set", "shop", "mask=.price", "--data", data)
    refused = call("site", "set", "shop", "unmask=.a", "enabled=no", "--data", data)
    shown = call("site", "set", "shop", "--data", data)

    assert 1 == refused.exit_code
    assert "enabled=no: write true or false" in refused.stderr
    assert ["enabled=true", "mask=.price", "unmask="] == shown.stdout.splitlines()[:3]


def test_a_backup_is_taken_checked_and_restored_while_a_server_runs(tmp_path: Path) -> None:
    """Three commands; settings and own rules come back too, and a folder in use is left alone."""
    data, kept, back = (str(tmp_path / name) for name in ("data", "kept", "back"))
    added = call("site", "add", "shop", "--origin", "https://shop.example", "--data", data)
    (tmp_path / "data" / "rules").mkdir()
    (tmp_path / "data" / "rules" / "mine.yaml").write_text("version: 1\nrules: []\n")
    (tmp_path / "data" / "stolper.toml").write_text("[detector]\nsweep_ms = 700\n")
    with (tmp_path / "data" / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken = call("backup", kept, "--data", data)
        refused = call("restore", kept, "--data", data)
    checked = call("restore", kept, "--check")
    restored = call("restore", kept, "--data", back)
    (tmp_path / "kept" / "rules" / "mine.yaml").write_text("version: 2\n")
    damaged = call("restore", kept, "--check")

    assert [0, 1, 0, 0, 1] == [
        done.exit_code for done in (taken, refused, checked, restored, damaged)
    ], [done.output for done in (taken, refused, checked, restored, damaged)]
    assert re.match(rf"{re.escape(kept)}: 3 files, [\d.]+ kB\n", taken.stdout)
    assert "a server runs on" in refused.stderr
    assert f"{kept} is whole; taken at 20" in checked.stdout
    assert "rules/mine.yaml is damaged" in damaged.stderr
    assert added.stdout in call("site", "list", "--data", back).stdout.replace("  <", "<")
    assert 700 == load_settings(tmp_path / "back", env={}).detector.sweep_ms
    assert (tmp_path / "back" / "rules" / "mine.yaml").read_text().startswith("version: 1")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_no_data_is_one_sentence(tmp_path: Path, command: str) -> None:
    """Where nothing is, neither a backup nor a restore pretends."""
    done = call(command, str(tmp_path / "none"), "--data", str(tmp_path / "data"))

    assert 1 == done.exit_code
    assert re.match(r"Error: .* (holds no Stolper data|is no backup)", done.stderr)
