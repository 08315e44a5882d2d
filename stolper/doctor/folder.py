"""
Looks at the data folder: whether it can be written, whose schema it has, whether a server runs on it.

Only reads, but for a small file that it writes and removes. Mending is not done here.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.sqlite.schema import standing
from core.sqlite.store import DATABASE
from stolper.app import LOCK_FILE, SERVER_FILE
from stolper.doctor.told import Told

PROBE_FILE = "doctor.probe"
PROBE_BYTES = 256 * 1024
"""More than what a file system packs into leftovers of other blocks."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Folder:
    """What was found. Without *readable* nothing further can be looked at."""

    told: tuple[Told, ...]
    readable: bool
    server: dict[str, Any]  # what the running server says of itself; empty if none runs


def examine(data: Path) -> Folder:
    """Look at the data folder *data*."""
    if not (data / DATABASE).is_file():
        return Folder((_no_data(data),), False, {})
    found = _writing(data)
    server = running(data)
    if any(one.code == "read_only" for one in found):
        return Folder(tuple(found), False, server)  # the database's log cannot be opened there
    wrong = _schema(data)
    found += wrong
    if not server:
        found.append(
            Told(
                "not_running",
                True,
                f"No server runs on {data}.",
                f"Start it: stolper up --data {data}",
            )
        )
    elif server.get("version") != version("stolper"):
        found.append(_other_version(server))
    return Folder(tuple(found), not wrong, server)


def running(data: Path) -> dict[str, Any]:
    """Return what the server on *data* says of itself; nothing if none holds the folder."""
    try:
        handle = os.open(data / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        try:
            return dict(json.loads((data / SERVER_FILE).read_bytes()))
        except (OSError, ValueError):
            return {"version": ""}
    finally:
        os.close(handle)
    return {}


def _writing(data: Path) -> list[Told]:
    """Write a small file, as far as the medium, and remove it."""
    probe = data / PROBE_FILE
    try:
        with probe.open("wb") as file:
            file.write(os.urandom(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return [_not_writable(data, error)]
    finally:
        with suppress(OSError):  # told already
            probe.unlink(missing_ok=True)
    return []


def _not_writable(data: Path, error: OSError) -> Told:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return Told(
            "disk_full",
            True,
            f"The disk of {data} is full: nothing can be recorded.",
            "Make room there; recording then goes on by itself.",
        )
    if error.errno in _FORBIDDEN:
        return Told(
            "read_only",
            True,
            f"{data} cannot be written: {reason}.",
            "Is the disk mounted read-only, or does the folder belong to another user?"
            " Run this as the user of the server.",
        )
    return Told(
        "disk_fails",
        True,
        f"Writing in {data} fails: {reason}.",
        "Look at the system's log (dmesg): the disk may be dying. Copy the folder away first.",
    )


def _no_data(data: Path) -> Told:
    return Told(
        "no_data",
        True,
        f"{data} holds no Stolper data.",
        "Name the data folder of the server: stolper doctor --data DIR",
    )


def _schema(data: Path) -> list[Told]:
    """Compare the migrations that the database has seen with those that this program knows."""
    here = version("stolper")
    try:
        missing, unknown = standing(data / DATABASE)
    except sqlite3.Error as error:
        return [
            Told(
                "unreadable",
                True,
                f"The database {data / DATABASE} cannot be read: {error}.",
                "Stop the server, copy the folder away, and run stolper doctor --repair; if that cannot"
                " help, restore the last backup.",
            )
        ]
    if unknown:
        return [
            Told(
                "version_mismatch",
                True,
                f"The data was written by a newer Stolper than this one ({here}): it knows"
                f" {', '.join(unknown)}.",
                "Install that newer version again, or go back to a backup from before it.",
            )
        ]
    if missing:
        return [
            Told(
                "version_mismatch",
                False,
                f"The data is that of an older Stolper than this one ({here}).",
                "Restart the server: it brings the data up to date at its start. Back up first.",
            )
        ]
    return []


def _other_version(server: dict[str, Any]) -> Told:
    running_version = server.get("version") or "an unknown version"
    return Told(
        "version_mismatch",
        False,
        f"The server that runs is {running_version}, installed is {version('stolper')}.",
        "Restart the server.",
    )
