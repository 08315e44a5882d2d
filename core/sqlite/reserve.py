"""
How much room the disk has, and the part of it that recordings may not take.

Owns looking; who is refused because of it is the store's affair. What is kept back is for what
must go on: the database's own upkeep, verdicts, an owner who makes room.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.clock import Clock
from core.errors import StoreFailed, StoreFull

LOOK_MS = 1000
"""At most so old is what is known of the disk: a busy site writes a few MB a second."""

RETRY_AFTER_S = 30
"""What pages are told to wait: somebody has to make room."""


def free_bytes(path: Path) -> int:
    """Return how many bytes may still be written below *path*."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


class Reserve:
    """Keeps *least_bytes* of the disk below *path* free of recordings; 0 keeps nothing."""

    def __init__(self, path: Path, least_bytes: int, clock: Clock) -> None:
        self.least_bytes = least_bytes
        self._path = path
        self._clock = clock
        self._looked_ms = 0
        self._short = False

    def check(self) -> None:
        """Raise StoreFull if less is free than is kept back, StoreFailed if nobody can say."""
        if not self.least_bytes:
            return
        now = self._clock.now_ms()
        if abs(now - self._looked_ms) >= LOOK_MS:
            try:
                self._short = free_bytes(self._path) < self.least_bytes
            except OSError as error:
                raise StoreFailed(f"the disk cannot be looked at: {error}") from error
            self._looked_ms = now
        if self._short:
            raise StoreFull(RETRY_AFTER_S)
