"""
The command line: `stolper up | demo | site | token | password | rules | leaktest | doctor`.

Owns words and exit codes; the work is done below.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from collector.identity import key_name, signing_text
from console.accounts import set_owner_password
from core.clock import SystemClock
from core.errors import StolperError, UserError
from core.new_site import free_name, new_site
from core.settings import LogSettings
from core.site_options import SiteOptions, shown
from core.sqlite import SqliteStore
from stolper.app import Server
from stolper.cli_accounts import token, user
from stolper.cli_backup import backup, restore
from stolper.cli_contacts import contacts
from stolper.cli_doctor import doctor
from stolper.cli_erase import erase
from stolper.cli_export import export
from stolper.cli_history import backtest, explain
from stolper.cli_import import import_
from stolper.cli_leaktest import leaktest
from stolper.cli_rejudge import rejudge
from stolper.cli_reproduce import reproduce
from stolper.cli_rules import rules
from stolper.cli_sourcemaps import sourcemaps
from stolper.cli_transcript import transcript
from stolper.folder import site_of, with_store
from stolper.logs import said, set_up
from stolper.notify import notify
from stolper.options import Address, Duration, Origin, data_option, listeners, settings_of
from stolper.quiet import settle


class Commands(click.Group):
    """A group whose errors are one sentence, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StolperError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(_of_the_system(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stolper")
def main() -> None:
    """Stolper records visits to your web site and flags where people struggle."""


rules.add_command(backtest)
rules.add_command(explain)
rules.add_command(rejudge)
main.add_command(rules)
main.add_command(leaktest)
main.add_command(erase)
main.add_command(backup)
main.add_command(restore)
main.add_command(doctor)
main.add_command(token)
main.add_command(user)
main.add_command(sourcemaps)
main.add_command(contacts)
main.add_command(export)
main.add_command(reproduce)
main.add_command(import_)
main.add_command(transcript)


@main.command()
@click.option(
    "--origin",
    "origins",
    type=Origin(),
    multiple=True,
    help="Add a site for pages there, unless one has them, and print its line. May be given again.",
)
@data_option
@listeners
def up(
    data: Path,
    public_address: str | None,
    console_address: str | None,
    origins: tuple[str, ...],
) -> None:
    """Run collector, detector and console in one process."""
    settings = settings_of(data, server_public=public_address, server_console=console_address)

    async def serve() -> None:
        async with Server(settings, data) as server:
            settle()
            stop = Stop()
            _greet(server)
            if origins:
                await _tell_lines(server, origins)
            elif not await server.store.sites():
                _say(
                    server,
                    "  no site yet  stolper site add NAME --origin https://www.example.org"
                    f" --mode cookieless --data {data}",
                )
            await stop.waited_for(server)

    _run(serve(), settings.log)


@main.command()
@data_option
@listeners
@click.option(
    "--shop",
    "shop_address",
    type=Address(),
    default="127.0.0.1:8002",
    show_default=True,
    help="Listen here for the demo shop.",
)
@click.option(
    "--visitors/--no-visitors",
    default=True,
    show_default=True,
    help="Send scripted visitors through the shop.",
)
def demo(
    data: Path,
    public_address: str | None,
    console_address: str | None,
    shop_address: str,
    visitors: bool,
) -> None:
    """Run everything with a demo shop, planted defects and scripted visitors."""
    from stolper.demo.run import declare_process, run_demo  # playwright is an extra

    declare_process(data)
    settings = settings_of(data, server_public=public_address, server_console=console_address)

    async def serve() -> None:
        async with Server(settings, data) as server:
            stop = Stop()
            _greet(server)
            walk = run_demo(server, shop_address, visitors=visitors, log=click.echo)
            async with walk as shop_url:
                click.echo(f"  demo shop    {shop_url}   (planted defects: {shop_url}/faults)")
                click.echo("  The first flagged visit is there within a minute. Stop with Ctrl+C.")
                await stop.waited_for(server)

    _run(serve(), settings.log)


@main.group()
def site() -> None:
    """Sites that may send."""


@site.command("add")
@click.argument("name")
@click.option(
    "--origin",
    "origins",
    type=Origin(),
    multiple=True,
    required=True,
    help="Where its pages are, e.g. https://www.example.org. May be given again.",
)
@click.option(
    "--mode",
    type=click.Choice(["full", "cookieless"]),
    default="cookieless",
    show_default=True,
    help="cookieless stores nothing in the browser; full is your written word that "
    "visitors agreed to first-party storage.",
)
@click.option(
    "--privacy",
    type=click.Choice(["strict", "standard", "open"]),
    default="standard",
    show_default=True,
    help="What is masked in the browser; see docs/privacy.md.",
)
@click.option(
    "--idle-timeout",
    type=Duration(),
    default="30m",
    show_default=True,
    help="A session ends this long after its last event; at least 1s.",
)
@data_option
def site_add(
    name: str, origins: tuple[str, ...], mode: Any, privacy: Any, idle_timeout: int, data: Path
) -> None:
    """Add the site NAME and print the line to embed."""
    try:
        added = new_site(
            name,
            origins,
            mode=mode,
            privacy=privacy,
            idle_timeout_ms=idle_timeout,
            now_ms=SystemClock().now_ms(),
        )
    except UserError as error:
        raise click.UsageError(str(error)) from None
    asyncio.run(with_store(data, lambda store: store.add_site(added), make=True))
    click.echo(embed_line(_public_url(data), added.key))


@site.command("list")
@data_option
def site_list(data: Path) -> None:
    """List the sites with the line that each embeds."""
    for known in asyncio.run(with_store(data, lambda store: store.sites(), make=True)):
        click.echo(f"{known.name}  {known.mode}, {known.privacy}  {' '.join(known.origins)}")
        click.echo(f"  {embed_line(_public_url(data), known.key)}")


@site.command("set")
@click.argument("name")
@click.argument("options", nargs=-1, metavar="[OPTION=VALUE]...")
@data_option
def site_set(name: str, options: tuple[str, ...], data: Path) -> None:
    """Change options of site NAME and print all of them; an empty VALUE is the default."""

    async def change(store: SqliteStore) -> SiteOptions:
        known = await site_of(store, name)
        if not options:
            return known.options
        return await store.change_site_options(known.key, lambda now: now.changed(options))

    for option, value in asdict(asyncio.run(with_store(data, change))).items():
        click.echo(f"{option}={shown(value)}")


@site.command("signing-key")
@click.argument("name")
@data_option
def site_signing_key(name: str, data: Path) -> None:
    """Print the key with which the server of site NAME signs the ids given to identify."""

    async def read(store: SqliteStore) -> str:
        known = await site_of(store, name)
        return signing_text(await store.server_key(key_name(known.key))).decode()

    click.echo(asyncio.run(with_store(data, read, make=True)))


@main.command()
@data_option
def password(data: Path) -> None:
    """Give the console's user 'owner' a new password and print it."""

    async def change(store: SqliteStore) -> str:
        made = await set_owner_password(store)
        await store.audit(SystemClock().now_ms(), "command line", "new_password", "user owner")
        return made

    click.echo(asyncio.run(with_store(data, change, make=True)))


def _of_the_system(error: OSError) -> str:
    """Return what the operating system refused, as a sentence."""
    reason = (error.strerror or str(error)).rstrip(".")
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


def embed_line(public_url: str, key: str) -> str:
    """Return the one line of HTML that embeds the snippet."""
    return f'<script async src="{public_url}/s/{key}.js"></script>'


def _public_url(data: Path) -> str:
    """Return where browsers reach the collector: as set, as the running server says, or the default."""
    settings = settings_of(data)
    if settings.server.public_url:
        return settings.server.public_url.rstrip("/")
    try:
        return str(json.loads((data / "server.json").read_bytes())["public_url"])
    except (OSError, ValueError, KeyError):
        return f"http://{settings.server.public}"


def _greet(server: Server) -> None:
    _say(server, f"Stolper is running; its data is in {server.data}")
    _say(server, f"  console      {server.console_url}")
    if server.owner_password:
        _say(server, f"  sign in      owner / {server.owner_password}   (shown this once)")
        _say(server, f"  or open      {server.first_link}   (signs in once, within the hour)")
    else:
        _say(server, "  sign in      owner (new password: stolper password --data DIR)")
    _say(server, f"  collector    {server.public_url}")
    sys.stdout.flush()


async def _tell_lines(server: Server, origins: tuple[str, ...]) -> None:
    """Print the lines that the pages at *origins* embed; those that no site has become one."""
    sites = await server.store.sites()
    known = {origin for one in sites for origin in one.origins}
    if fresh := [one for one in origins if one not in known]:
        name = free_name(fresh[0], {one.name for one in sites})
        now_ms = server.clock.now_ms()
        made = new_site(name, fresh, mode="cookieless", privacy="standard", now_ms=now_ms)
        await server.store.add_site(made)
        sites = [*sites, made]
    base = server.settings.server.public_url.rstrip("/") or server.public_url
    for one in sites:
        if not set(one.origins).isdisjoint(origins):
            where = " ".join(one.origins)
            _say(server, f"  paste        {embed_line(base, one.key)}")
            _say(server, f"               into the head of the pages at {where}, then open one")


def _say(server: Server, text: str) -> None:
    """Tell whoever started the server; where every line is to be JSON, so is this one."""
    as_json = server.settings.log.format == "json"
    click.echo(said(" ".join(text.split())) if as_json else text)


class Stop:
    """Takes the signals that ask for a stop from now on: whoever reads the greeting may send one."""

    def __init__(self) -> None:
        self._asked, self._hurry = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask)

    def _ask(self) -> None:
        (self._hurry if self._asked.is_set() else self._asked).set()

    async def waited_for(self, server: Server) -> None:
        """Return once a signal has come and what is set for a stop is over; a second one hurries it."""
        notify("READY=1")
        await self._asked.wait()
        notify("STOPPING=1")
        _say(server, "stopping: finishing what was accepted")
        await server.drain(self._hurry)


def _run(main_: Coroutine[Any, Any, None], settings: LogSettings) -> None:
    set_up(settings)
    try:
        import uvloop
    except ImportError:
        asyncio.run(main_)
    else:
        uvloop.run(main_)


if __name__ == "__main__":
    main()
