"""`stolper backup` and `stolper restore`: a copy of the data folder, and the way back."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import click

from core.errors import UserError
from core.settings import FILE_NAME
from core.sqlite.backup import take_backup
from core.sqlite.disk import Disk
from core.sqlite.restore import check_backup, facts_of, restore_backup
from stolper.cli_erase import bury, erased_since
from stolper.folder import OWN_REPORTS, OWN_RULES
from stolper.options import data_option

_BACKUP = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("target", type=_BACKUP)
@data_option
def backup(target: Path, data: Path) -> None:
    """Copy the data folder to the new folder TARGET, also while a server runs on it."""
    with _bytes_bar("copied") as progress:
        taken = take_backup(
            data,
            target,
            texts=_texts(data),
            facts={"version": version("stolper")},
            progress=progress,
        )
    click.echo(f"{target}: {taken.files} files, {_size(taken.bytes)}")
    for path in taken.lost:
        click.echo(f"note: {path} is named by the database, but was lost before", err=True)


@click.command()
@click.argument("source", metavar="BACKUP", type=_BACKUP)
@click.option("--check", is_flag=True, help="Only look whether BACKUP is whole; write nothing.")
@click.option(
    "--erased",
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE|DIR",
    help="Erase again what was erased since: a list by `stolper erase --list`, or the data folder of before.",
)
@data_option
def restore(source: Path, check: bool, erased: Path | None, data: Path) -> None:
    """Make the data folder that BACKUP is a copy of; --data must not hold anything yet."""
    if check:
        with _bytes_bar("read") as progress:
            wrong = check_backup(source, progress)
        if wrong:
            raise UserError("\n  ".join([f"{source} is not whole:", *wrong[:20]]))
        click.echo(f"{source} is whole; taken at {facts_of(source)['taken_at']}")
        return
    with _held(data), _bytes_bar("restored") as progress:
        settle = erased_since(erased) if erased is not None else None
        facts = restore_backup(source, data, settle=settle, progress=progress)
        if settle is not None:
            click.echo(
                f"{asyncio.run(bury(data))} sessions that were erased since are erased again"
            )
    click.echo(f"{data} is as it was at {facts['taken_at']}")


def _texts(data: Path) -> list[str]:
    """Return what people wrote in *data*: settings and rule files."""
    own = [
        path
        for folder in (OWN_RULES, OWN_REPORTS)
        for path in sorted((data / folder).rglob("*.y*ml"))
        if path.is_file()
    ]
    settings = data / FILE_NAME
    return [
        str(path.relative_to(data)) for path in [*([settings] if settings.is_file() else []), *own]
    ]


@contextmanager
def _held(data: Path) -> Iterator[None]:
    """Let no server start on *data* meanwhile."""
    Disk().make_folder(data)
    handle = os.open(data / "server.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(f"a server runs on {data}; stop it first") from None
    finally:
        os.close(handle)


@contextmanager
def _bytes_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many bytes are done, if somebody looks; yield what to tell it."""
    with click.progressbar(
        length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def tell(done: int, all_: int) -> None:
            bar.length = max(all_, 1)
            bar.update(done - bar.pos)

        yield tell


def _size(count: int) -> str:
    size, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
