"""
`stolper doctor`: what keeps visits from being recorded, and what to do about it.

Owns words and exit codes; looking is doctor/, mending what is damaged core/sqlite/repair.py.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import click

from core.clock import SystemClock
from core.errors import StoreError, UserError
from core.model import Site
from core.settings import Settings
from core.sqlite import SqliteStore
from stolper.doctor import damage, folder, sites, way
from stolper.doctor.told import Told
from stolper.folder import site_of
from stolper.options import Duration, data_option, settings_of

if TYPE_CHECKING:
    from stolper.doctor.canary import Outcome

_MISSING = "--canary drives Chromium and needs playwright: pip install 'stolper[browser]'"
_STAGES = {
    "page": "the page opens",
    "script": "the recorder runs in it",
    "batch": "the server takes what it sends",
    "store": "the session is stored",
    "rule": "a rule has judged it",
    "replay": "its replay can be shown",
}


@click.command()
@click.option("--site", "site_name", help="Look at this site only.")
@click.option("--url", help="Where browsers reach the server. Default: server.public_url.")
@click.option(
    "--canary",
    metavar="URL",
    help="Visit this page of yours in Chromium and follow one marked session to its replay.",
)
@click.option(
    "--since",
    type=Duration(),
    default="24h",
    show_default=True,
    help="Look at what was counted since then.",
)
@click.option(
    "--deep", is_flag=True, help="Also read all that is stored, and name what is damaged."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Mend what is damaged in the data folder, and do nothing else. Stop the server first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@data_option
def doctor(
    site_name: str | None,
    url: str | None,
    canary: str | None,
    since: int,
    deep: bool,
    repair: bool,
    as_json: bool,
    data: Path,
) -> None:
    """
    Say what keeps visits from being recorded, and the next step to take.

    Exits 0 if nothing was found, 1 if something was, 2 if it could not be looked for.
    """
    for address in filter(None, (url, canary)):
        if urlsplit(address).scheme not in ("http", "https"):
            raise click.UsageError(f"'{address}' is no URL: it begins with http:// or https://")
    if repair:
        _repair(data, as_json=as_json)
    try:
        report = asyncio.run(examine(data, settings_of(data), site_name, url, canary, since, deep))
    except (UserError, StoreError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        _print(report)
    sys.exit(1 if report.told or (report.outcome and report.outcome.stage) else 0)


class Report:
    """What was found, and how far a marked session came, if one was sent."""

    def __init__(self, told: list[Told], base: str, outcome: Outcome | None) -> None:
        self.told = sorted(told, key=lambda one: not one.severe)
        self.base = base
        self.outcome = outcome

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        found: dict[str, Any] = {"url": self.base, "found": [asdict(one) for one in self.told]}
        if self.outcome is not None:
            found["canary"] = {
                "passed": list(self.outcome.passed),
                "stopped_at": self.outcome.stage,
                "session": self.outcome.session,
            }
        return found


async def examine(
    data: Path,
    settings: Settings,
    site_name: str | None,
    url: str | None,
    page: str | None,
    since_ms: int,
    deep: bool = False,
) -> Report:
    """
    Look at everything; with *page*, follow a marked session from there.

    *deep* reads every file as well.
    """
    log = await asyncio.to_thread(damage.examine_log, data)  # before anything opens the database
    looked = await asyncio.to_thread(folder.examine, data)
    listens = looked.server.get("public_url") or f"http://{settings.server.public}"
    base = (url or settings.server.public_url or listens).rstrip("/")
    told = list(looked.told)
    if looked.readable:
        told += await asyncio.to_thread(damage.examine, data, deep=deep)
        told += log
    if not looked.readable or any(one.code == "database_damaged" for one in told):
        return Report(told, base, None)
    if page and any(one.code in ("disk_full", "read_only", "disk_fails") for one in told):
        page = None  # it would stop there, and the store could not even be opened
    clock = SystemClock()
    reserve = settings.collector.disk_reserve_mb << 20
    # The server made and migrated it; on a full disk nothing else could be opened anyhow.
    store = SqliteStore(data, clock, read_only=page is None, reserve_bytes=reserve)
    await store.open()
    try:
        known = [await site_of(store, site_name)] if site_name else await store.sites()
        if not known:
            told.append(_no_site(data))
        if looked.server or url:
            tried = way.Way(base, str(looked.server.get("server", "")), settings)
            told += await way.examine(tried, known)
        told += await sites.examine(store, known, base, clock.now_ms() - since_ms)
        outcome = await _follow(store, known, page, base) if page else None
    finally:
        await store.close()
    if outcome is not None:
        if outcome.stage is None:
            told = [_no_traffic(one) if _is_silence(one, outcome.site) else one for one in told]
        told += [*outcome.warnings, *([outcome.stopped] if outcome.stopped else [])]
    return Report(_once(told), base, outcome)


async def _follow(store: SqliteStore, known: list[Site], page: str, base: str) -> Outcome:
    try:
        from stolper.doctor import canary
    except ImportError:
        raise UserError(_MISSING) from None
    if not known:
        raise UserError("there is no site yet: stolper site add NAME --origin ...")
    return await canary.examine(store, SystemClock(), page, base)


def _repair(data: Path, *, as_json: bool) -> NoReturn:
    """Mend the data folder *data*, say what came of it, and end: 0 if it is whole now, else 1."""
    try:
        done = damage.repair(data, SystemClock())
    except (UserError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False, indent=2))
    else:
        for line in damage.told(done):
            click.echo(line)
    sys.exit(1 if done.left else 0)


def _is_silence(told: Told, site: str) -> bool:
    """Say whether *told* looks for a cause why nothing comes from *site*."""
    return told.site == site and told.code == "no_loader"


def _no_traffic(told: Told) -> Told:
    """Return what silence means where a marked session has come through from end to end."""
    return Told(
        "no_traffic",
        False,
        "The way works from end to end, and no visitor's page has asked for the script.",
        "Visit the page with a browser of your own: it has to appear in the console. Does the line"
        " stand in the pages that visitors are led to?",
        told.site,
    )


def _once(told: list[Told]) -> list[Told]:
    """Return *told* without what two examinations found: the disk is tried, and looked at."""
    return list({(one.code, one.site): one for one in told}.values())


def _no_site(data: Path) -> Told:
    return Told(
        "no_site",
        True,
        "There is no site yet.",
        f"stolper site add NAME --origin https://www.example.org --data {data}",
    )


def _print(report: Report) -> None:
    if report.outcome is not None:
        stopped = report.outcome.stage
        for stage, words in _STAGES.items():
            if stage in report.outcome.passed:
                click.echo(f"  ok      {stage:7} {words}")
            elif stage == stopped:
                click.echo(f"  STOPS   {stage:7} not: {words}")
            else:
                click.echo(f"  -       {stage}")
        click.echo()
    if not report.told:
        click.echo("Nothing is wrong, as far as can be seen from here.")
    for one in report.told:
        mark = "severe" if one.severe else "note  "
        where = f"[{one.site}] " if one.site else ""
        click.echo(f"{mark}  {one.code}: {where}{one.what}")
        click.echo(f"        -> {one.do}")
