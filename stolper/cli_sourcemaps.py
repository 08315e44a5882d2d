"""
`stolper sourcemaps`: keeps source maps of a release, in a data folder or through a server's API.

Owns which files are taken and what their scripts are called; keeping them is the store's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import click

from core.clock import SystemClock
from core.errors import StoreFailed, UserError
from core.source_maps import MOST_BYTES
from core.sqlite import SqliteStore
from replay.source_map import SourceMap
from stolper.folder import site_of, with_store
from stolper.options import data_option

TOKEN = "STOLPER_TOKEN"
"""Environment variable with the token of scope sourcemaps: a command line is seen by others."""

_ENDINGS = (".js.map", ".mjs.map", ".cjs.map")

_site = click.option("--site", required=True, help="Site (name or key) that the scripts are of.")
_release = click.option(
    "--release",
    default="",
    help="Release as the site tells it to the snippet; without it the maps are good for any.",
)
_server = click.option(
    "--server",
    metavar="URL",
    help=f"Console of a running server to upload to, with the token in ${TOKEN}, instead of --data.",
)


@click.group()
def sourcemaps() -> None:
    """Source maps, by which script errors are shown at their place in your own code."""


@sourcemaps.command("add")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@_site
@_release
@_server
@data_option
def add(paths: Sequence[Path], site: str, release: str, server: str | None, data: Path) -> None:
    """
    Keep the source maps PATHS: files, or folders of a build with maps in them.

    A map is found by the path of its script below the folder. What was kept of the same release and
    script is replaced. Nobody but the console's readers ever sees them.
    """
    found = sorted(set(maps_in(paths)))
    if not found:
        raise UserError("there is no source map: none of the files ends in .js.map")
    contents = [(name, _read(path)) for name, path in found]
    if server:
        asyncio.run(_upload(server, site, release, contents))
    else:
        asyncio.run(with_store(data, lambda store: _keep(store, site, release, contents)))
    word = "source map" if len(found) == 1 else "source maps"
    click.echo(f"{len(found)} {word} kept for {f'release {release}' if release else 'any release'}")


@sourcemaps.command("list")
@_site
@data_option
def list_(site: str, data: Path) -> None:
    """List the source maps of a site: release, script, size and day."""

    async def work(store: SqliteStore) -> None:
        for one in await store.source_maps((await site_of(store, site)).key):
            day = datetime.fromtimestamp(one.made_ms / 1000, UTC).date()
            click.echo(f"{one.release or '(any)'}\t{one.name}\t{one.bytes}\t{day}")

    asyncio.run(with_store(data, work))


@sourcemaps.command("remove")
@_site
@_release
@data_option
def remove(site: str, release: str, data: Path) -> None:
    """Remove all source maps of a release (without --release: those that are good for any)."""

    async def work(store: SqliteStore) -> int:
        return await store.drop_source_maps((await site_of(store, site)).key, release)

    removed = asyncio.run(with_store(data, work))
    click.echo(f"{removed} source maps removed")


def maps_in(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Return the maps that *paths* name, each with its script's path."""
    for path in paths:
        if path.is_dir():
            for one in path.rglob("*.map"):
                if one.name.endswith(_ENDINGS):
                    yield one.relative_to(path).as_posix().removesuffix(".map"), one
        else:
            yield path.name.removesuffix(".map"), path


def _read(path: Path) -> bytes:
    """Return the map in *path*. Raise UserError, naming the file, if it is none."""
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES >> 20} MB, the most for a source map")
    content = path.read_bytes()
    try:
        SourceMap(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return content


async def _keep(
    store: SqliteStore, site: str, release: str, contents: Sequence[tuple[str, bytes]]
) -> None:
    key = (await site_of(store, site)).key
    now_ms = SystemClock().now_ms()
    for name, content in contents:
        await store.put_source_map(key, release, name, content, now_ms)
    subject = f"site {key}, {release or 'any release'}"
    await store.audit(now_ms, "command line", "source_map", subject)


async def _upload(
    server: str, site: str, release: str, contents: Sequence[tuple[str, bytes]]
) -> None:
    token = os.environ.get(TOKEN)
    if not token:
        raise UserError(
            f"set {TOKEN} to a token that `stolper token create --scope sourcemaps` has made"
        )
    url = f"{server.rstrip('/')}/api/v1/sites/{quote(site, safe='')}/source-maps"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for name, content in contents:
            asked = {"name": name, "release": release}
            try:
                async with http.post(url, params=asked, data=BytesIO(content)) as answer:
                    told: Any = await answer.json(content_type=None)
            except (aiohttp.ClientError, ValueError) as error:
                raise StoreFailed(f"{server} took no source map: {error}") from error
            if not isinstance(told, dict):
                raise StoreFailed(
                    f"{server} is no console of Stolper: its answer is none of its API"
                )
            if not told.get("ok"):
                raise UserError(f"{name}: {told.get('error')}")
