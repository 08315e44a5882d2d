"""`stolper rules rejudge` on a data folder that a server has left."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.model import Flag, NewBatch, Site, Verdicts
from core.sqlite import SqliteStore
from stolper.cli import main
from tests.stolper.test_workbench import text

DAY = 86_400_000


def call(*words: str | Path) -> Result:
    """Run `stolper rules rejudge` with *words*."""
    return CliRunner().invoke(main, ["rules", "rejudge", *map(str, words)])


async def record(data: Path, days_ago: int, name: str = "s") -> None:
    """Store an ended session in which somebody asked for help twice, some days ago."""
    began = SystemClock().now_ms() - days_ago * DAY
    events = [
        {"i": i, "t": i * 1000, "type": "custom", "name": "help", "path": "/", "view": 0}
        for i in range(2)
    ]
    store = SqliteStore(data, SystemClock())
    await store.open()
    if await store.site("shop") is None:
        await store.add_site(Site("site", "shop", (), "full", "standard", 1_800_000, began))
    await store.append(
        NewBatch(
            "site", name, b"secret", "load", "tab", 0, name.encode(), began, began, events, (), {},
            None, None, {"path": "/"}, (), b"", None,
        )
    )  # fmt: skip
    await store.end_session(name, "left")
    await store.commit_verdicts([Verdicts(name, 1, (), replace=True, final=True)])
    await store.close()


async def flags(data: Path, session: str = "s") -> list[Flag]:
    """Return the flags of *session* that stand."""
    store = SqliteStore(data, SystemClock())
    await store.open()
    try:
        return await store.flags(session)
    finally:
        await store.close()


def own(data: Path, text_: str) -> None:
    """Write the data folder's own rule file."""
    (data / "rules").mkdir(exist_ok=True)
    (data / "rules" / "shop.yaml").write_text(text_)


def test_a_rule_of_today_counts_for_sessions_of_the_span(tmp_path: Path) -> None:
    """Sessions within --since get their flags, older ones do not; a second run changes nothing."""
    asyncio.run(record(tmp_path, 1))
    asyncio.run(record(tmp_path, 9, "older"))
    own(tmp_path, text())
    first = call("--since", "7d", "--data", tmp_path)
    second = call("--since", "7d", "--site", "shop", "--data", tmp_path)

    assert (0, "1 session judged again, 1 changed\n") == (first.exit_code, first.stdout)
    assert "1 session judged again, 0 changed\n" == second.stdout
    (flag,) = asyncio.run(flags(tmp_path))
    assert ("help_wanted", False) == (flag.rule, flag.provisional)
    assert [] == asyncio.run(flags(tmp_path, "older"))


def test_files_that_are_not_in_force_judge_nothing(tmp_path: Path) -> None:
    """A broken file, and a failing example, are said with their place; nothing is stored."""
    asyncio.run(record(tmp_path, 1))
    for wrong, told in (
        (text().replace("match", "mach"), "shop.yaml:5:5"),
        (text().replace("expect: []", "expect: [{}]"), "'never' of rule 'help_wanted' fails"),
    ):
        own(tmp_path, wrong)
        done = call("--data", tmp_path)
        assert 1 == done.exit_code
        assert told in done.stderr
        assert "Nothing was judged" in done.stderr
    assert [] == asyncio.run(flags(tmp_path))


def test_unknown_folder_and_site_are_named(tmp_path: Path) -> None:
    """What does not exist is said, and not made."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (tmp_path / "nope", empty):
        done = call("--data", folder)
        assert (1, True) == (done.exit_code, "holds no Stolper data" in done.stderr)
    assert not (tmp_path / "nope").exists()
    assert [] == list(empty.iterdir())

    asyncio.run(record(tmp_path, 1))
    site = call("--data", tmp_path, "--site", "other")
    assert 1 == site.exit_code
    assert "there is no site 'other'" in site.stderr


def test_all_pages_of_the_list_are_gone_through(tmp_path: Path) -> None:
    """More sessions than are listed at once are all judged again."""

    async def many() -> None:
        for n in range(3):
            await record(tmp_path, 1, f"s{n}")

    asyncio.run(many())
    own(tmp_path, text())
    from detector import history

    page, history.PAGE = history.PAGE, 2
    try:
        done = call("--data", tmp_path)
    finally:
        history.PAGE = page

    assert "3 sessions judged again, 3 changed\n" == done.stdout
