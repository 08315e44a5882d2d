"""
`stolper up` on a disk and by a clock that a test has its hand on. Nothing else of the server is changed.

    python -m tests.e2e.faults.up HAND up --data DIR ...

HAND is a folder whose files are the hand, looked at before each step; the test writes them while the
server runs:

    kill    "NUMBER before|after": at that durable step the process kills itself with SIGKILL
    fail    "NAME ERRNO": every durable step of that name (or `any`) fails so
    hold    as long as it is there, no fsync and no commit comes back
    clock   milliseconds by which the clock is off
    steps   is written here: a line for each durable step
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import stolper.app
from core.clock import SystemClock
from stolper.cli import main
from stolper.durations import TimedDisk


class Hand:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._steps = os.open(folder / "steps", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._count = 0

    def before(self, name: str) -> int:
        """Do to the step *name* what the test wants before it is done; return its number."""
        number = self._count
        self._count += 1
        os.write(self._steps, f"{name}\n".encode())
        self._kill(number, "before")
        if name in ("fsync", "commit"):
            while (self._folder / "hold").exists():
                time.sleep(0.005)
        told = self._told("fail").split()
        if told and told[0] in (name, "any"):
            number_of = int(getattr(errno, told[1]))
            raise OSError(number_of, os.strerror(number_of))
        return number

    def after(self, number: int) -> None:
        """The step is done."""
        self._kill(number, "after")

    def offset_ms(self) -> int:
        """Return by how much the clock is off."""
        return int(self._told("clock") or 0)

    def _kill(self, number: int, when: str) -> None:
        if self._told("kill") == f"{number} {when}":
            os.kill(os.getpid(), signal.SIGKILL)

    def _told(self, name: str) -> str:
        try:
            return (self._folder / name).read_text().strip()
        except FileNotFoundError:
            return ""


class HandledDisk(TimedDisk):
    """The disk of the server, in a test's hand."""

    hand: Hand

    def open_append(self, path: Path) -> int:
        number = self.hand.before("open")
        fd = super().open_append(path)
        self.hand.after(number)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        number = self.hand.before("write")
        super().write(fd, data)
        self.hand.after(number)

    def fsync(self, fd: int) -> None:
        number = self.hand.before("fsync")
        super().fsync(fd)
        self.hand.after(number)

    def rename(self, path: Path, to: Path) -> None:
        number = self.hand.before("rename")
        super().rename(path, to)
        self.hand.after(number)

    def unlink(self, path: Path) -> None:
        number = self.hand.before("unlink")
        super().unlink(path)
        self.hand.after(number)

    def fsync_folder(self, path: Path) -> None:
        number = self.hand.before("fsync folder")
        super().fsync_folder(path)
        self.hand.after(number)

    def commit(self, db: sqlite3.Connection) -> None:
        number = self.hand.before("commit")
        super().commit(db)
        self.hand.after(number)

    def settle(self, db: sqlite3.Connection) -> None:
        number = self.hand.before("settle")
        super().settle(db)
        self.hand.after(number)


class HandledClock(SystemClock):
    """The clock of the server, in a test's hand."""

    hand: Hand

    def now_ms(self) -> int:
        return super().now_ms() + self.hand.offset_ms()


if __name__ == "__main__":
    HandledDisk.hand = HandledClock.hand = Hand(Path(sys.argv.pop(1)))
    # By name: what the composition takes when it makes its disk and its clock.
    stolper.app.TimedDisk = HandledDisk  # type: ignore[misc]
    stolper.app.SystemClock = HandledClock  # type: ignore[misc]
    main()
