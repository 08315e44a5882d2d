"""
Says what is damaged in a data folder, and has it mended.

Owns the words, and that nobody else is in the folder meanwhile; finding is core/sqlite/inspection.py's,
mending core/sqlite/repair.py's.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from core.clock import Clock
from core.errors import UserError
from core.sqlite.inspection import DATABASE, Inspection, Progress, inspect, look_at_database
from core.sqlite.log import log_damage
from core.sqlite.repair import ASIDE, Repair
from core.sqlite.schema import connect
from stolper.app import LOCK_FILE
from stolper.doctor.told import Told

SMALL_BYTES = 64 << 20
"""A database of this size is looked through in a second; larger ones only when asked to."""

_MEND = (
    "Copy the folder away, stop the server, and run stolper doctor --repair: what has another source is"
    " made anew, the rest becomes named gaps. Or restore the last backup."
)


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of a repair. *left* is what is damaged still; *kept* where damaged files were put."""

    done: list[str]
    lost: list[str]
    left: list[str]
    kept: str


def examine(data: Path, *, deep: bool) -> list[Told]:
    """Look at the database if it is small, or *deep*, at everything."""
    kept = [_kept(data)] if (data / ASIDE).is_dir() else []
    if deep:
        with _progress("files") as progress:
            return [*_damaged(data, inspect(data, progress)), *kept]
    if (data / DATABASE).stat().st_size > SMALL_BYTES:
        return kept
    with closing(connect(data / DATABASE, read_only=True)) as db:
        return [*_damaged(data, look_at_database(db)), *kept]


def examine_log(data: Path) -> list[Told]:
    """Look at the database's log, which SQLite cuts off where it is damaged as soon as it opens it."""
    found = log_damage(data / f"{DATABASE}-wal")
    if found is None:
        return []
    return [
        Told(
            "log_damaged",
            True,
            f"The database's log {data / DATABASE}-wal is damaged: {found}. They were acknowledged.",
            "They are lost, unless a backup has them. Copy the folder away now; what starts next keeps a"
            " copy of the log, too, and goes on without them.",
        )
    ]


def repair(data: Path, clock: Clock) -> Mended:
    """Mend *data*. Raise UserError if a server runs on it, or if it cannot be mended."""
    if not (data / DATABASE).is_file():
        raise UserError(f"{data} holds no Stolper data. Name the data folder of the server.")
    with _alone(data), _progress("files") as progress:
        mending = Repair(data, clock.now_ms(), progress=progress)
        after = mending.run()
    kept = str(mending.aside) if mending.aside.is_dir() else ""
    return Mended(mending.done, mending.lost, after.paths(), kept)


def told(mended: Mended) -> Iterator[str]:
    """Give what came of a repair as lines for people."""
    if not (mended.done or mended.lost or mended.left):
        yield "Nothing is damaged."
    yield from (f"mended  {one}" for one in mended.done)
    yield from (f"lost    {one}" for one in mended.lost)
    yield from (f"LEFT    {one} is damaged still" for one in mended.left)
    if mended.kept:
        yield f"What was damaged is kept in {mended.kept}: delete it when you are content."


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the folder as a server does, so that none starts meanwhile."""
    handle = os.open(data / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"a server runs on {data}; stop it first") from None
        yield
    finally:
        os.close(handle)


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """Show how far a look through everything is, if somebody watches."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=hidden) as bar:

        def advance(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done - bar.pos)

        yield advance


def _damaged(data: Path, found: Inspection) -> list[Told]:
    """Return what *found* comes to."""
    told: list[Told] = []
    if found.database:
        told.append(
            Told(
                "database_damaged",
                not found.indexes_only,
                f"The database {data / DATABASE} is damaged: {found.database[0].splitlines()[0]}.",
                _MEND,
            )
        )
    paths = [path for path in found.paths() if path != DATABASE or not found.database]
    if paths:
        named = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        sessions = len({one.session for one in found.chunks})
        told.append(
            Told(
                "files_damaged",
                False,
                f"Damaged in {data}: {named}. Recordings that lack something: {sessions}.",
                _MEND,
            )
        )
    return told


def _kept(data: Path) -> Told:
    return Told(
        "damaged_kept",
        False,
        f"{data / ASIDE} keeps what an earlier repair found damaged.",
        "Delete it when you are content: retention does not, and erasing whomever takes all of it.",
    )
