"""The workbench of a real server: files, checks, saving, reloading, versions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from console.workbench import RuleUse
from core.errors import NotFound, UserError
from core.model import NewBatch, Site
from core.settings import load_settings
from detector.errors import RuleErrors
from stolper.app import Server
from stolper.own_rules import revision

RULE = """\
version: 1
rules:
  - id: {id}
    title: Help wanted
    match: {{event: custom, where: {{name: help}}, times: {times}, within: 1m}}
tests:
  - {{rule: {id}, name: twice, events: [{{at: 0s, event: custom, name: help, x: {times}, every: 1s}}], expect: [{{}}]}}
  - {{rule: {id}, name: never, events: [{{at: 0s, event: page}}], expect: []}}
"""


def text(id_: str = "help_wanted", times: int = 2) -> str:
    """Return a file with one rule and its tests."""
    return RULE.format(id=id_, times=times)


def server_on(data: Path, **overrides: object) -> Server:
    """Return a server on free ports that looks at its rule files rarely."""
    given = {
        "server.public": "127.0.0.1:0",
        "server.console": "127.0.0.1:0",
        "detector.reload_ms": 3_600_000,
        **overrides,
    }
    return Server(load_settings(data, env={}, overrides=given), data)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Return a running server."""
    async with server_on(tmp_path) as running:
        yield running


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Wait until *met* says so, at most ten seconds."""
    async with asyncio.timeout(10):
        while True:
            if await met():
                return
            await asyncio.sleep(0.02)


def in_force(server: Server) -> set[str]:
    """Return the ids of the rules that judge."""
    return {rule.id for rule in server.detector.rules.rules}


async def test_a_saved_rule_judges_at_once_and_is_in_the_history(
    server: Server, tmp_path: Path
) -> None:
    """save() writes the file, swaps the rules, keeps a version with author and reason, audits."""
    bench = server.workbench
    saved = await bench.save("shop.yaml", text(), revision=None, author="ada", reason="asked for")

    assert ("saved", "") == (saved.outcome, bench.problems())
    assert text() == (tmp_path / "rules" / "shop.yaml").read_text()
    assert [saved.file] == bench.files()
    assert "help_wanted" in in_force(server)
    (state,) = [one for one in bench.rules() if one.id == "help_wanted"]
    assert (False, True, "shop.yaml", 3) == (state.shipped, state.enabled, state.file, state.line)
    (version,) = await bench.versions("help_wanted")
    assert ("ada", "asked for", state.version) == (version.author, version.reason, version.version)
    rule = server.detector.rules.rule("help_wanted")
    assert rule is not None
    assert rule.version == version.version


async def test_history_has_each_version_and_its_end(server: Server) -> None:
    """A changed rule has a new version; a removed one ends with an entry that says so."""
    bench = server.workbench
    await bench.save("shop.yaml", text(times=2), revision=None, author="ada", reason="one")
    await bench.save(
        "shop.yaml", text(times=3), revision=revision(text()), author="bob", reason="two"
    )
    gone = await bench.remove(
        "shop.yaml", revision=revision(text(times=3)), author="eve", reason="three"
    )

    assert "saved" == gone.outcome
    assert [] == bench.files()
    assert "help_wanted" not in in_force(server)
    history = await bench.versions("help_wanted")
    assert [("eve", "three", "off"), ("bob", "two", history[1].version)] == [
        (v.author, v.reason, v.version) for v in history[:2]
    ]
    assert 3 == len({v.version for v in history})


async def test_a_file_changed_on_disk_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    """save() and remove() with the revision of another text leave the file alone and show it."""
    bench = server.workbench
    await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")
    other = text(times=5)
    (tmp_path / "rules" / "shop.yaml").write_text(other)

    saved = await bench.save(
        "shop.yaml", text(times=3), revision=revision(text()), author="ada", reason=""
    )
    removed = await bench.remove("shop.yaml", revision=revision(text()), author="ada", reason="")
    fresh = await bench.save("shop.yaml", text(times=3), revision=None, author="ada", reason="")

    assert ["conflict"] * 3 == [saved.outcome, removed.outcome, fresh.outcome]
    assert saved.file is not None
    assert other == saved.file.text == (tmp_path / "rules" / "shop.yaml").read_text()


async def test_what_does_not_fit_is_refused(server: Server, tmp_path: Path) -> None:
    """An error, or a failing test, keeps a text from being written."""
    bench = server.workbench
    wrong = text().replace("match", "mach")
    red = text().replace("expect: []", "expect: [{}]")

    saved = [
        await bench.save("shop.yaml", given, revision=None, author="ada", reason="")
        for given in (wrong, red)
    ]

    assert ["refused"] * 2 == [one.outcome for one in saved]
    assert not (tmp_path / "rules" / "shop.yaml").exists()
    first, second = (one.checked for one in saved)
    assert first is not None and second is not None
    assert ("shop.yaml", 5, 5, "error") in [
        (f.file, f.line, f.column, f.level) for f in first.findings
    ]
    assert [None, True] == [test.failure and True for test in second.tests]


async def test_errors_of_other_files_do_not_stand_in_the_way(
    server: Server, tmp_path: Path
) -> None:
    """Only what the text itself breaks counts; the other file is still named as the problem."""
    (tmp_path / "rules").mkdir(exist_ok=True)
    (tmp_path / "rules" / "broken.yaml").write_text("version: 1\nrules: [{id: x}]\n")
    bench = server.workbench
    saved = await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")

    assert "saved" == saved.outcome
    assert bench.problems().startswith("broken.yaml:2:")
    assert "help_wanted" not in in_force(server)


async def test_a_text_that_breaks_another_files_test_is_refused(server: Server) -> None:
    """An override that silences another file's rule fails that file's example, and says so."""
    bench = server.workbench
    await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")
    change = (
        "version: 1\noverrides:\n  - {rule: help_wanted, severity: high, except: {path: '*'}}\n"
    )
    checked = await bench.check("changes.yaml", change)

    assert not checked.fits
    assert ("shop.yaml", True) == (
        checked.findings[-1].file,
        "'twice' fails" in checked.findings[-1].message,
    )
    assert ("help_wanted",) == checked.rules


@pytest.mark.parametrize("name", ["../x.yaml", "a/b.yaml", ".x.yaml", "X.yaml", "x.yml", "", "x"])
async def test_only_plain_file_names_are_taken(server: Server, name: str) -> None:
    """A name with a folder in it, or one that differs between systems, is refused in words."""
    with pytest.raises(UserError, match="no name for a rule file"):
        await server.workbench.save(name, text(), revision=None, author="ada", reason="")


async def test_a_change_on_disk_comes_in_force_by_itself(tmp_path: Path) -> None:
    """The server sees a new, a changed and a removed file; a broken one leaves the rest as it was."""
    async with server_on(tmp_path, **{"detector.reload_ms": 100}) as server:
        folder = tmp_path / "rules"
        folder.mkdir(exist_ok=True)

        async def on() -> bool:
            return "help_wanted" in in_force(server)

        async def broken() -> bool:
            return bool(server.workbench.problems())

        async def off() -> bool:
            return "help_wanted" not in in_force(server) and not server.workbench.problems()

        (folder / "shop.yaml").write_text(text())
        await until(on)
        (folder / "shop.yaml").write_text("version: 1\nrules: {")
        await until(broken)
        assert "help_wanted" in in_force(server)
        (folder / "shop.yaml").unlink()
        await until(off)


async def test_a_change_of_content_alone_is_seen(tmp_path: Path) -> None:
    """A file replaced by one of the same size and time of change is read again."""
    async with server_on(tmp_path, **{"detector.reload_ms": 100}) as server:
        path = tmp_path / "rules" / "shop.yaml"
        await server.workbench.save("shop.yaml", text(), revision=None, author="ada", reason="")
        before = path.stat()
        new = path.with_name("new")
        new.write_text(text(times=3))
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        new.replace(path)

        async def seen() -> bool:
            return 2 == len(await server.workbench.versions("help_wanted"))

        await until(seen)


async def test_a_broken_file_at_start_leaves_the_last_good_set_in_force(tmp_path: Path) -> None:
    """The store has kept the files that were last in force; they judge until the file is mended."""
    async with server_on(tmp_path) as server:
        await server.workbench.save("shop.yaml", text(), revision=None, author="ada", reason="")
    (tmp_path / "rules" / "shop.yaml").write_text(text().replace("expect: []", "expect: [{}]"))
    async with server_on(tmp_path) as server:
        assert "help_wanted" in in_force(server)
        assert "example 'never' of rule 'help_wanted' fails" in server.workbench.problems()
    (tmp_path / "rules" / "shop.yaml").write_text(text(times=4))
    async with server_on(tmp_path) as server:
        assert "" == server.workbench.problems()
        assert ["server started", ""] == [
            version.reason for version in await server.workbench.versions("help_wanted")
        ]


async def test_rules_show_what_is_off_and_what_an_own_file_changes(server: Server) -> None:
    """The list has rules that are switched off, params in force, and the file behind each change."""
    change = """\
version: 1
overrides:
  - {rule: ping_pong, enabled: false}
  - {rule: rage_click, params: {presses: 3}}
"""
    await server.workbench.save("changes.yaml", change, revision=None, author="ada", reason="")
    states = {one.id: one for one in server.workbench.rules()}

    off, changed = states["ping_pong"], states["rage_click"]
    assert (False, ("changes.yaml",), "") == (off.enabled, off.changed_by, off.version)
    assert (True, ("changes.yaml",), "3") == (
        changed.enabled, changed.changed_by, changed.params["presses"],
    )  # fmt: skip
    assert changed.shipped
    assert "id: rage_click" in changed.source


# History


async def visited(server: Server, name: str, *, ago_ms: int, times: int = 2) -> None:
    """Let a visitor of the site ask for help *times* times, some time ago, and leave."""
    store = server.store
    began = server.clock.now_ms() - ago_ms
    if await store.site("shop") is None:
        await store.add_site(Site("site", "shop", (), "full", "standard", 1_800_000, began))
    events = [
        {"i": i, "t": i * 1000, "type": "custom", "name": "help", "path": "/faq", "view": 0}
        for i in range(times)
    ]
    new = NewBatch(
        "site", name, b"secret", "load", "tab", 0, name.encode(), began, began, events, (), {},
        None, None, {"path": "/"}, (), b"", None,
    )  # fmt: skip
    stored = (await store.append(new)).batch
    assert stored is not None
    server.detector.notify(stored)
    await server.detector.drain()
    ended = await store.end_session(name, "left")
    assert ended is not None
    server.detector.session_ended(ended)
    await server.detector.drain()


DAY = 86_400_000


async def test_a_draft_is_seen_over_history_without_being_written(
    server: Server, tmp_path: Path
) -> None:
    """draft() counts what a text would flag in the span, with examples to open; nothing changes."""
    await visited(server, "recent", ago_ms=DAY)
    await visited(server, "older", ago_ms=8 * DAY)
    steps: list[tuple[int, int]] = []
    since = server.clock.now_ms() - 7 * DAY
    run = await server.workbench.draft(
        "shop.yaml", text(), since_ms=since, progress=lambda *step: steps.append(step)
    )

    assert (1, 1, 0, 0, 1) == (
        run.sessions,
        run.gained,
        run.lost,
        run.unchanged,
        run.sessions_flagged,
    )
    (one,) = run.examples
    assert ("gained", "recent", "help_wanted", None) == (
        one.change,
        one.session,
        one.rule,
        one.flag,
    )
    assert [(1, 1)] == steps
    assert not (tmp_path / "rules").exists()
    assert [] == await server.store.flags("recent")


async def test_a_changed_rule_loses_and_keeps_what_the_one_in_force_found(server: Server) -> None:
    """Against a rule in force, flags are kept or lost, with the ids that the store has."""
    bench = server.workbench
    await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")
    await visited(server, "twice", ago_ms=DAY)
    await visited(server, "thrice", ago_ms=DAY, times=3)
    (flag,) = await server.store.flags("twice")
    run = await bench.draft("shop.yaml", text(times=3), since_ms=0)

    by_change = {(one.change, one.session): one.flag for one in run.examples}
    assert flag.id == by_change["lost", "twice"]
    # A shipped rule builds on the flag: help that was asked for after a struggle.
    assert {"help_wanted", "help_after_struggle"} == {one.rule for one in run.examples}
    assert (1, 0, 2, 1) == (run.sessions_flagged, run.gained, run.lost, run.unchanged)
    assert 1 == run.moved  # of three presses the third completes it now


async def test_a_draft_of_the_name_of_a_shipped_file_does_not_replace_that(server: Server) -> None:
    """An own file called rage_click.yaml stands beside the shipped one, in drafts and in force."""
    await visited(server, "recent", ago_ms=DAY)
    run = await server.workbench.draft("rage_click.yaml", text(), since_ms=0)
    saved = await server.workbench.save(
        "rage_click.yaml", text(), revision=None, author="ada", reason=""
    )

    assert (1, 0) == (run.gained, run.lost)
    assert "saved" == saved.outcome
    assert {"rage_click", "help_wanted"} <= in_force(server)


async def test_a_wrong_draft_is_told_with_its_place(server: Server) -> None:
    """draft() raises RuleErrors that name the file as it was called."""
    with pytest.raises(RuleErrors) as caught:
        await server.workbench.draft("shop.yaml", text().replace("match", "mach"), since_ms=0)

    assert ("shop.yaml", 5) in [(issue.file, issue.line) for issue in caught.value.errors]


async def test_rejudging_brings_a_new_rule_to_past_sessions(server: Server) -> None:
    """Flags, score and uses of ended sessions follow the rules in force; older ones stay."""
    bench = server.workbench
    await visited(server, "recent", ago_ms=DAY)
    await visited(server, "older", ago_ms=8 * DAY)
    await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")
    since = server.clock.now_ms() - 7 * DAY
    before = await bench.uses(since)
    changed = await bench.rejudge(since_ms=since)

    assert (1, {}) == (changed, before)
    assert {"help_wanted": RuleUse(1, 1, 1.0)} == await bench.uses(since, site="shop")
    assert {"help_wanted": RuleUse(1, 1, 0.5)} == await bench.uses(0)
    session = await server.store.session("recent")
    assert session is not None and session.score == 28


async def test_an_example_made_of_a_session_passes_beside_its_rule(server: Server) -> None:
    """example() and append() make a file that still fits, with one test more."""
    bench = server.workbench
    await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")
    await visited(server, "recent", ago_ms=DAY)
    item = await bench.example("recent", "help_wanted", fires=True)
    longer = bench.append(text(), "tests", item)
    checked = await bench.check("shop.yaml", longer)

    assert checked.fits
    assert [True, False, True] == [test.expects_flag for test in checked.tests]
    with pytest.raises(NotFound):
        await bench.example("nobody", "help_wanted", fires=True)


async def test_the_schema_knows_the_sections(server: Server) -> None:
    """The editor's completion comes from the reader's own tables."""
    assert {"rules", "score", "mappings"} <= server.workbench.schema()["properties"].keys()


async def test_own_files_are_private_but_keep_what_their_owner_allowed(
    server: Server, tmp_path: Path
) -> None:
    """Examples are made of visitors' sessions: a new file is the server's alone to read."""
    bench, path = server.workbench, tmp_path / "rules" / "shop.yaml"
    before = os.umask(0o022)
    try:
        saved = await bench.save("shop.yaml", text(), revision=None, author="ada", reason="")
        made = path.stat().st_mode & 0o777
        path.chmod(0o640)
        assert saved.file is not None
        await bench.save(
            "shop.yaml", text(times=3), revision=saved.file.revision, author="ada", reason=""
        )
    finally:
        os.umask(before)

    assert 0o600 == made
    assert 0o640 == path.stat().st_mode & 0o777
    assert text(times=3) == path.read_text()
