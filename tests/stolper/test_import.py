"""`stolper import` and `stolper export` on a data folder, from the command line to what is stored."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.model import Event, Flag, Session, SessionQuery
from core.sqlite import SqliteStore
from replay.recording import recordings
from stolper.cli import main
from tests.replay.foreign import Page

T = TypeVar("T")

NAMES = ["page", "click", "click", "click", "click", "leave"]


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, words)])


def asked(data: Path, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    """Return what *work* finds in the store of *data*."""

    async def run() -> T:
        store = SqliteStore(data, SystemClock())
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def sessions(data: Path) -> list[Session]:
    return asked(data, lambda store: store.sessions(SessionQuery()))


def events(data: Path, session: str) -> list[Event]:
    async def read(store: SqliteStore) -> list[Event]:
        return [event for batch in await store.batches(session) for event in batch.events]

    return asked(data, read)


def flags(data: Path, session: str) -> list[Flag]:
    return asked(data, lambda store: store.flags(session))


def recording(data: Path, session: str) -> list[dict[str, Any]]:
    async def read(store: SqliteStore) -> list[dict[str, Any]]:
        return [event async for load in recordings(store, session) for event in load.events]

    return asked(data, read)


def rage() -> Page:
    """A visitor who hammers on a button that does nothing, beside a text with an address."""
    page = Page(["main", {}, ["button", {"id": "buy", "type": "button"}, "Buy now"],
                 ["p", {}, "Written by anna@berg.example"]])  # fmt: skip
    for number in range(4):
        page.press("buy", 2000 + 150 * number)
    page.change(1, 9000, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": 0}])
    return page


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the sites "shop" and "open"."""
    folder = tmp_path / "data"
    for name, privacy in (("shop", "standard"), ("open", "open")):
        origin = f"https://{name}.example"
        added = call(
            "site", "add", name, "--origin", origin, "--privacy", privacy, "--data", folder
        )
        assert 0 == added.exit_code, added.output
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rage.json"
    path.write_text(json.dumps(rage().events))
    return path


def test_a_recording_becomes_a_judged_session(data: Path, file: Path) -> None:
    """The session is there, ended, marked, judged by the rules in force, and replays masked."""
    done = call("import", file, "--site", "shop", "--data", data)

    assert 0 == done.exit_code, done.output
    [session] = sessions(data)
    assert f"is now session {session.id} (6 events; flags: rage_click)" in done.stdout
    assert (True, "left", True) == (
        session.attributes["imported"], session.end_kind, session.complete,
    )  # fmt: skip
    assert NAMES == [event["type"] for event in events(data, session.id)]
    assert ["rage_click"] == [flag.rule for flag in flags(data, session.id)]
    assert session.score is not None
    kept = json.dumps(recording(data, session.id))
    assert "the site keeps 30: a running server removes it" in done.stderr
    assert "Buy now" in kept
    assert "anna" not in kept
    assert "xxxxxxx xx xxxxxxxxxxxxxxxxx" in kept


def test_twice_is_once(data: Path, file: Path, tmp_path: Path) -> None:
    """The same file again, under whatever name, is the same session; on another site it is another."""
    other = tmp_path / "other.json"
    other.write_bytes(file.read_bytes())
    first = call("import", file, "--site", "shop", "--data", data)
    again = call("import", file, other, "--site", "shop", "--data", data)
    [session] = sessions(data)

    assert "is now session" in first.stdout
    assert 2 == again.stdout.count(f"is there already as session {session.id}")
    assert 6 == session.events
    call("import", file, "--site", "open", "--data", data)
    assert 2 == len({one.id for one in sessions(data)})


def test_what_is_no_recording_is_said(data: Path, file: Path, tmp_path: Path) -> None:
    """A bad file is named with the event and what is wrong with it; nothing of it is stored, others are."""
    page = rage().events
    page[3] = {**page[3], "data": {"source": 2}}
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(page))
    done = call("import", bad, file, "--site", "shop", "--data", data)

    assert 1 == done.exit_code
    assert f"{bad}: event 3 (type 3) names no node. Nothing of it was imported." in done.stderr
    [session] = sessions(data)
    assert f"{file}: is now session {session.id}" in done.stdout


def test_unknown_site_and_missing_file(data: Path, file: Path, tmp_path: Path) -> None:
    """A site that there is none of, and a file that is not there, are said."""
    site = call("import", file, "--site", "nope", "--data", data)
    missing = call("import", tmp_path / "no.json", "--site", "shop", "--data", data)

    assert (1, True) == (site.exit_code, "there is no site 'nope'" in site.stderr)
    assert (2, True) == (missing.exit_code, "does not exist" in missing.stderr)
    assert [] == sessions(data)


def test_secrets_are_masked_whatever_is_released(data: Path, file: Path) -> None:
    """An e-mail address in a text that the preset shows is masked before it is stored."""
    for words in (("--site", "open"), ("--site", "shop", "--trust-masking")):
        call("import", file, *words, "--data", data)
    kept = [json.dumps(recording(data, session.id)) for session in sessions(data)]

    assert [True, True] == ["Written by [email]" in one for one in kept]
    stored = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert b"anna@berg" not in stored


def test_a_broken_import_is_finished_later(data: Path, file: Path, monkeypatch: Any) -> None:
    """If storing fails in between, the same command again completes the session, and nothing is doubled."""
    from stolper import importing

    monkeypatch.setattr(importing, "CHUNK_EVENTS", 5)
    real = SqliteStore.append

    async def failing(self: SqliteStore, batch: Any) -> Any:
        if batch.seq == 2:
            raise OSError(28, "No space left on device")
        return await real(self, batch)

    monkeypatch.setattr(SqliteStore, "append", failing)
    broken = call("import", file, "--site", "shop", "--data", data)
    monkeypatch.setattr(SqliteStore, "append", real)
    done = call("import", file, "--site", "shop", "--data", data)

    assert 1 == broken.exit_code
    assert "is now session" in done.stdout
    [session] = sessions(data)
    assert (6, True) == (session.events, session.complete)
    assert len(rage().events) == len(recording(data, session.id))
    assert ["rage_click"] == [flag.rule for flag in flags(data, session.id)]


def test_export_and_import_again(data: Path, file: Path, tmp_path: Path) -> None:
    """A session that is exported and imported on another site has the same events, flags and attributes."""
    call("import", file, "--site", "shop", "--data", data)
    [first] = sessions(data)
    out = tmp_path / "out.json"
    exported = call("export", "--session", first.id, "--out", out, "--data", data)

    assert 0 == exported.exit_code, exported.output
    packed = tmp_path / "out.json.gz"
    packed.write_bytes(gzip.compress(out.read_bytes()))
    done = call("import", packed, "--site", "open", "--data", data)
    found = re.search(r"is now session (\S+)", done.stdout)
    assert found, done.output
    second = next(one for one in sessions(data) if one.id == found[1])

    def plain(session: str) -> list[Event]:
        own = ("page_load", "tab")
        return [{k: v for k, v in e.items() if k not in own} for e in events(data, session)]

    assert plain(first.id) == plain(second.id)
    assert recording(data, first.id) == recording(data, second.id)
    assert [(f.rule, f.at_ms) for f in flags(data, first.id)] == [
        (f.rule, f.at_ms) for f in flags(data, second.id)
    ]
    assert (first.started_ms, first.end_kind) == (second.started_ms, second.end_kind)


def test_export_says_what_it_cannot(data: Path, file: Path, tmp_path: Path) -> None:
    """An unknown session and a file that is there already are said, and nothing is written."""
    call("import", file, "--site", "shop", "--data", data)
    [session] = sessions(data)
    unknown = call("export", "--session", "nope", "--out", tmp_path / "a.json", "--data", data)
    there = call("export", "--session", session.id, "--out", file, "--data", data)

    assert (1, True) == (unknown.exit_code, "there is no session 'nope'" in unknown.stderr)
    assert (2, True) == (there.exit_code, "is there already" in there.stderr)
    assert [] == [path.name for path in tmp_path.iterdir() if path.name.startswith("a.json")]
    plain = call("export", "--session", session.id, "--no-facts", "--data", data)
    assert {2, 3, 4} == {event["type"] for event in json.loads(plain.stdout)}


def test_export_as_what_people_read(data: Path, file: Path, tmp_path: Path) -> None:
    """A file that plays offline, a transcript, a table: each as asked for, a clip too, and all are audited."""
    call("import", file, "--site", "shop", "--data", data)
    [session] = sessions(data)
    of = ("--session", session.id, "--data", data)
    page = tmp_path / "page.html"
    done = call("export", "--html", *of, "--out", page)
    table = call("export", "--format", "csv", "--language", "de", "--until", "5:00", *of)
    told = call("transcript", session.id, "--language", "de", "--data", data)
    wrong = call("export", "--format", "text", "--from", "9", "--until", "8", *of)
    two = call("export", "--html", "--format", "csv", *of)

    assert 0 == done.exit_code, done.output
    assert page.read_text().startswith("<!doctype html>")
    assert "Klick auf " in table.stdout
    assert session.id in told.stdout.splitlines()[0]
    assert "Wutklick" in told.stdout
    assert (1, 2) == (wrong.exit_code, two.exit_code)
    actions = [one.action for one in asked(data, lambda store: store.audited(9))]
    assert ["transcribed", "exported_file", "exported_file"] == actions[:3]
