"""
`stolper leaktest`: whether an owner's page lets given texts out.

Owns words and exit codes; the visit is leaktest/visit.py.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from core.errors import UserError
from core.model import Site
from core.sqlite import SqliteStore
from stolper.folder import site_of, with_store

if TYPE_CHECKING:
    from stolper.leaktest.visit import Outcome

SHORTEST = 4
"""A shorter text stands somewhere by chance."""
_MISSING = "leaktest drives Chromium and needs playwright: pip install 'stolper[browser]'"


class Typed(click.ParamType[tuple[str, str]]):
    """SELECTOR=TEXT; the selector may hold '=' itself."""

    name = "selector=text"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        selector, equals, text = str(value).rpartition("=")
        if not equals or not selector.strip() or not text:
            self.fail(f"'{value}' is not SELECTOR=TEXT. Write e.g. '#name=Erika Probe'", param, ctx)
        return selector, text


@click.command()
@click.argument("url")
@click.option(
    "--canary",
    "canaries",
    multiple=True,
    metavar="TEXT",
    help="Entered into every visible field, and looked for in all that is recorded. May be given again.",
)
@click.option(
    "--type",
    "typed",
    type=Typed(),
    multiple=True,
    help="Enter TEXT into this field, and look for it. May be given again.",
)
@click.option(
    "--submit", metavar="SELECTOR", help="Press this at the end. Nothing is sent unless told."
)
@click.option(
    "--wait", type=click.FloatRange(0, 300), default=3.0, show_default=True, help="Seconds to stay."
)
@click.option(
    "--privacy",
    type=click.Choice(["strict", "standard", "open"]),
    help="Preset to test with. Default: the site's, else the page's own, else standard.",
)
@click.option("--site", "site_name", help="Test with the configuration of this site of --data.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Cookies and storage of a signed-in visitor, as playwright saves them.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder that holds the site's configuration. It is only read.",
)
def leaktest(
    url: str,
    canaries: tuple[str, ...],
    typed: tuple[tuple[str, str], ...],
    submit: str | None,
    wait: float,
    privacy: Any,
    site_name: str | None,
    state: Path | None,
    data: Path | None,
) -> None:
    """
    Visit URL and look for texts in all that is recorded of it.

    Exits 0 if none was found, 1 if one was, 2 if it could not be tested.
    """
    texts = tuple(dict.fromkeys([*canaries, *(text for _, text in typed)]))
    if not texts:
        raise click.UsageError("give at least one --canary TEXT or --type SELECTOR=TEXT")
    if short := [text for text in texts if len(text.strip()) < SHORTEST]:
        raise click.UsageError(f"'{short[0]}' stands anywhere; a text has {SHORTEST} characters")
    if urlsplit(url).scheme not in ("http", "https"):
        raise click.UsageError("URL begins with http:// or https://")
    try:
        site = _site(data, site_name, url)
        outcome = _run(url, canaries, texts, typed, submit, wait, privacy, state, site)
    except (UserError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    _tell(outcome, texts)
    sys.exit(1 if outcome.found else 0)


def _run(
    url: str,
    entered: tuple[str, ...],
    texts: tuple[str, ...],
    typed: tuple[tuple[str, str], ...],
    submit: str | None,
    wait: float,
    privacy: Any,
    state: Path | None,
    site: Site | None,
) -> Outcome:
    try:
        from stolper.leaktest.visit import Plan
        from stolper.leaktest.visit import leaktest as visit
    except ImportError:
        raise UserError(_MISSING) from None
    plan = Plan(url, entered, texts, typed, submit, wait, site=site, preset=privacy, state=state)
    return asyncio.run(visit(plan))


def _site(data: Path | None, name: str | None, url: str) -> Site | None:
    """Return the site whose configuration counts: the one called *name*, or the one at *url*."""
    if data is None:
        if name is not None:
            raise UserError("--site needs --data: the folder that holds the site")
        return None

    async def read(store: SqliteStore) -> Site:
        if name is not None:
            return await site_of(store, name)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        for site in await store.sites():
            if origin in site.origins:
                return site
        raise UserError(f"{data} has no site with pages at {origin}; name one by --site")

    return asyncio.run(with_store(data, read))


def _tell(outcome: Outcome, texts: tuple[str, ...]) -> None:
    """Print the finds as a table, and what shows that something was tested."""
    snippet = "the page's own snippet" if outcome.embedded else "the snippet added"
    click.echo(
        f"Visited with {snippet}, preset {outcome.preset}: {outcome.fields} fields filled"
        f" ({outcome.refused} take other texts only), {outcome.events} events,"
        f" {outcome.sent_bytes} bytes sent."
    )
    if not outcome.found:
        click.echo(f"Nothing found of {', '.join(repr(text) for text in texts)}.")
        return
    width = max(len(one.text) for one in outcome.found)
    click.echo(f"{'TEXT':{width}}  {'FORM':11}  WHERE")
    for one in outcome.found:
        click.echo(f"{one.text:{width}}  {one.form:11}  {one.where}")
