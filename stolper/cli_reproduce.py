"""
`stolper reproduce`: a session as a Playwright test, and whether that brings the struggle about.

Owns words, files and exit codes; the text is replay/reproduction's, the run stolper/reproduction's.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import click

from core.clock import SystemClock
from core.errors import NotFound, UserError
from core.sqlite import SqliteStore
from replay.reproduction.making import Reproduction, reproduction
from replay.reproduction.steps import CANNOT
from stolper.folder import OWN_RULES, with_store
from stolper.options import data_option
from stolper.own_rules import OwnRules

_MISSING = "reproduce --run drives Chromium and needs playwright: pip install 'stolper[browser]'"


@click.command()
@click.argument("session")
@click.option(
    "--rule", metavar="RULE", help="Reproduce the flag of this rule. Default: the most severe flag."
)
@click.option(
    "--stub",
    is_flag=True,
    help="Answer requests that failed as they were answered, so that the server need not fail again.",
)
@click.option(
    "--run",
    "url",
    metavar="URL",
    help="Run it against the pages at URL in Chromium, and say whether the rule fires again.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the test here in place of standard output. Must not be there yet.",
)
@data_option
def reproduce(
    session: str, rule: str | None, stub: bool, url: str | None, out: Path | None, data: Path
) -> None:
    """
    Write a Playwright test of SESSION: red while the struggle comes about, green once it is mended.

    With --run it exits 1 if the struggle was reproduced, 0 if not, 2 if nobody knows.
    """
    if out is not None and out.exists():
        raise click.UsageError(f"{out} is there already.")
    if url is not None and urlsplit(url).scheme not in ("http", "https"):
        raise click.UsageError("URL begins with http:// or https://")
    made = asyncio.run(with_store(data, lambda store: _made(store, session, rule, stub, data)))
    for one in made.visit.cannot:
        click.echo(f"note: a test cannot do this, on which the flag rests: {CANNOT[one]}", err=True)
    if out is not None:
        out.write_text(made.text, encoding="utf-8")
    elif url is None:
        click.echo(made.text, nl=False)
    click.echo(
        f"{made.flag.rule}, {len(made.visit.steps)} steps"
        + (f", {len(made.visit.failed)} answers" if stub else ""),
        err=True,
    )
    if url is not None:
        sys.exit(_run(made, url))


async def _made(
    store: SqliteStore, session: str, rule: str | None, stub: bool, data: Path
) -> Reproduction:
    known = await store.session(session)
    if known is None:
        raise NotFound(f"there is no session '{session}'")
    texts, _ = OwnRules(data / OWN_RULES).texts()
    made = await reproduction(
        store, known, rule, rules=texts, version=version("stolper"), stub=stub
    )
    await store.audit(SystemClock().now_ms(), "command line", "reproduced", session)
    return made


def _run(made: Reproduction, url: str) -> int:
    """Run the test against *url*, say what came of it, and return the exit code."""
    try:
        from stolper.reproduction import judging
    except ImportError:
        raise UserError(_MISSING) from None
    with tempfile.TemporaryDirectory(prefix="stolper-reproduce-") as folder:
        file, result = Path(folder) / made.name, Path(folder) / "result.json"
        file.write_text(made.text, encoding="utf-8")
        os.environ |= {"STOLPER_URL": url, judging.RESULT: str(result)}
        names = runpy.run_path(str(file))
        test = next(value for name, value in names.items() if name.startswith("test_"))
        code = judging.told(test)
        _tell(json.loads(result.read_text()) if result.is_file() else {})
    return code


def _tell(result: dict[str, object]) -> None:
    """Print what came of the steps."""
    if fired := result.get("fired"):
        assert isinstance(fired, list)
        click.echo(f"Rules that fired: {', '.join(map(str, fired))}")
    left_out = result.get("left_out")
    if isinstance(left_out, list) and left_out:
        click.echo(f"Steps left out, for the page went another way: {len(left_out)}")
        for one in left_out[:5]:
            click.echo(f"  {one}")
