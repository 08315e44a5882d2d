"""Owns the link that a server prints at its first start: whoever opens it is signed in as the owner, once."""

from __future__ import annotations

import secrets

from core.clock import Clock
from core.model import User

GOOD_MS = 3_600_000
"""An hour: to paste a line into one's pages and to open them takes less."""


class FirstLink:
    """
    A word that is good once, and an hour long. Kept in memory alone: a restart ends it.

    It is printed beside the owner's password, which can do the same for longer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._word = ""
        self._until_ms = 0
        self._password_hash = ""

    def make(self, owner: User) -> str:
        """Return the path of a new link, good until *owner* has another password."""
        self._word, self._password_hash = secrets.token_urlsafe(24), owner.password_hash
        self._until_ms = self._clock.now_ms() + GOOD_MS
        return f"/enter/{self._word}"

    def take(self, word: str, owner: User) -> bool:
        """Return whether *word* lets *owner* in; from then on it does not."""
        good = self._word and self._clock.now_ms() < self._until_ms
        if not good or owner.password_hash != self._password_hash:
            return False
        if not secrets.compare_digest(word.encode(), self._word.encode()):
            return False
        self._word = ""
        return True
