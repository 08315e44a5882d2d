"""
A backup read back: checked, then made a data folder.

Owns that nothing is put in force that is not what was copied. Copies are made by core/sqlite/backup.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from core.errors import UserError
from core.sqlite.backup import (
    DATABASE,
    FACTS,
    FORMAT,
    PIECE,
    SUMS,
    Progress,
    files_named,
    in_segments,
    private,
    private_folder,
)
from core.sqlite.schema import connect, unknown_migrations

MARK = "restoring"
"""Lies in a data folder whose restore has not ended; the next restore begins there anew."""

OWN_SETTINGS = "settings were there before"
"""What the mark says then."""

DRAFT = f"{DATABASE}.restoring"
FOLDERS = ("segments", "blobs", "sealed", "stocks", "stocks.copy", "rules", "reports")

_MAY_BE_THERE = {MARK, DRAFT, "stolper.toml", "server.lock", "migrate.lock", "lost+found"}
_PATH = re.compile(
    rf"(?:{'|'.join(map(re.escape, FOLDERS))})(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*){{1,3}}"
)
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")

Settle = Callable[[sqlite3.Connection, Path], None]
"""What must be done to a database that comes back, before anybody may read it."""


def restore_backup(
    backup: Path,
    data: Path,
    *,
    settle: Settle | None = None,
    progress: Progress | None = None,
) -> dict[str, object]:
    """
    Make *data* the data folder that *backup* is a copy of; return what the backup says of itself.

    *data* must not hold a data folder; settings that stand in it stay. *settle* is called with the
    restored database and *data* before the database gets its name: what was erased after the backup
    was taken is to be erased there again. Raise UserError if the backup is not what was copied; then
    *data* holds no database.
    """
    facts = facts_of(backup)
    sums = _sums(backup)
    _make_sure_it_is_empty(data)
    private_folder(data)
    data.chmod(0o700)
    kept = _begin(data)
    done, size = 0, sum((backup / path).stat().st_size for path in sums if (backup / path).exists())
    for path, sum_ in sums.items():
        if path == "stolper.toml" and kept:
            continue
        for count in _copy(backup / path, data / (DRAFT if path == DATABASE else path), path, sum_):
            done += count
            if progress:
                progress(done, size)
    _settle(data, settle)
    os.sync()
    (data / DRAFT).rename(data / DATABASE)
    (data / MARK).unlink()
    os.sync()
    return facts


def check_backup(backup: Path, progress: Progress | None = None) -> list[str]:
    """
    Return what is wrong with *backup*, each as a sentence; nothing is written.

    Every file is compared with its checksum, the database is looked through, and each chunk's bytes
    with the checksum of its row. Raise UserError if *backup* is none.
    """
    facts = facts_of(backup)
    sums = _sums(backup)
    lost = facts.get("lost")
    lost = [str(path) for path in lost] if isinstance(lost, list) else []
    wrong: list[str] = []
    done, size = 0, sum((backup / path).stat().st_size for path in sums if (backup / path).exists())
    for path, sum_ in sums.items():
        try:
            for count in _read(backup / path, path, sum_):
                done += count
                if progress:
                    progress(done, size)
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        return wrong
    uri = f"file:{backup / DATABASE}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            wrong += _damage(db)
            named = files_named(db)
            wrong += [f"{one} is not in it" for one in named if one not in sums and one not in lost]
            wrong += [f"{path} was lost before the backup was taken" for path in lost]
            wrong += _damaged_chunks(db, backup, lost)
    except sqlite3.DatabaseError as error:
        wrong.append(f"{DATABASE} was damaged before the backup was taken: {error}")
    return wrong


def facts_of(backup: Path) -> dict[str, object]:
    """Return what *backup* says of itself. Raise UserError if it is none that this version can read."""
    try:
        facts = json.loads((backup / FACTS).read_bytes())
    except FileNotFoundError:
        raise UserError(f"{backup} is no backup, or one that did not come to its end") from None
    except ValueError as error:
        raise UserError(f"{backup / FACTS} is damaged: {error}") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise UserError(f"{backup} was made by a version of Stolper that this one does not know")
    return facts


def _sums(backup: Path) -> dict[str, str]:
    """Return path and checksum of every file; paths that lead elsewhere are refused."""
    sums: dict[str, str] = {}
    try:
        lines = (backup / SUMS).read_text().splitlines()
    except FileNotFoundError:
        raise UserError(f"{backup / SUMS} is missing") from None
    for line in lines:
        found = _LINE.fullmatch(line)
        path = found[2] if found else ""
        if not found or not (path in (DATABASE, "stolper.toml") or _PATH.fullmatch(path)):
            raise UserError(f"{backup / SUMS} has a line that no backup has: {line[:100]!r}")
        sums[path] = found[1]
    if DATABASE not in sums:
        raise UserError(f"{backup / SUMS} names no database")
    return sums


def _make_sure_it_is_empty(data: Path) -> None:
    if not data.exists() or (data / MARK).exists():
        return
    strange = sorted(path.name for path in data.iterdir() if path.name not in _MAY_BE_THERE)
    if strange:
        raise UserError(
            f"{data} holds something already ({', '.join(strange[:5])}); restore into a folder that is"
            " not there yet, or move what is there away"
        )


def _begin(data: Path) -> bool:
    """Mark *data* as being restored; return whether its settings are its own and stay."""
    mark = data / MARK
    if mark.exists():  # all that is there comes from a restore that was killed
        for name in FOLDERS:
            shutil.rmtree(data / name, ignore_errors=True)
    else:
        mark.write_text(OWN_SETTINGS if (data / "stolper.toml").is_file() else "")
    return mark.read_text() == OWN_SETTINGS


def _read(source: Path, path: str, sum_: str) -> Iterator[int]:
    """Read *source* and yield how much, piece by piece. Raise UserError if it is not what was copied."""
    for piece in _pieces(source, path, sum_):
        yield len(piece)


def _copy(source: Path, target: Path, path: str, sum_: str) -> Iterator[int]:
    private_folder(target.parent)
    with private(target, "wb") as out:
        for piece in _pieces(source, path, sum_):
            out.write(piece)
            yield len(piece)


def _pieces(source: Path, path: str, sum_: str) -> Iterator[bytes]:
    seen = hashlib.sha256()
    try:
        with source.open("rb") as file:
            while piece := file.read(PIECE):
                seen.update(piece)
                yield piece
    except FileNotFoundError:
        raise UserError(f"{path} is missing in the backup") from None
    if seen.hexdigest() != sum_:
        raise UserError(f"{path} is damaged: it is not what was copied")


def _settle(data: Path, settle: Settle | None) -> None:
    """Look through the restored database, and do to it what must be done before it has its name."""
    try:
        with closing(connect(data / DRAFT)) as db:
            if wrong := _damage(db):
                raise UserError(f"the backup's database is damaged: {wrong[0]}")
            if strange := unknown_migrations(db):
                raise UserError(
                    f"the backup is of a newer version of Stolper ({', '.join(strange)}); install that"
                )
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sign_ins'").fetchone():
                db.execute("DELETE FROM sign_ins")  # who signed out since would be in again
            if settle is not None:
                settle(db, data)
            db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise UserError(f"the backup's database is damaged: {error}") from error


def _damage(db: sqlite3.Connection) -> list[str]:
    told = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    return [one for one in told if one != "ok" and not is_mistaken(db, one)]


def is_mistaken(db: sqlite3.Connection, told: str) -> bool:
    """
    Say whether SQLite complains of a NULL that is not there.

    3.40 (Debian 12) does, where the key of a table WITHOUT ROWID is not its first columns.
    """
    match = re.fullmatch(r"NULL value in (\w+)\.(\w+)", told)
    if match is None:
        return False
    table, column = match.groups()
    return not db.execute(f'SELECT 1 FROM "{table}" WHERE "{column}" IS NULL LIMIT 1').fetchone()


def _damaged_chunks(db: sqlite3.Connection, backup: Path, lost: list[str]) -> list[str]:
    wrong: list[str] = []
    rows = db.execute(
        f"SELECT b.segment, b.offset, b.length, b.crc32 FROM {in_segments(db)}"
        " ORDER BY b.segment, b.offset"
    )
    for name, offset, length, crc32 in rows:
        if f"segments/{name}" in lost or not (backup / "segments" / name).is_file():
            continue  # told already
        with (backup / "segments" / name).open("rb") as file:
            file.seek(offset)
            if zlib.crc32(file.read(length)) != crc32:
                wrong.append(f"segments/{name} was damaged at {offset} before the backup was taken")
    return wrong
