"""
Releases of a site, and struggles that somebody said a release has mended.

Owns their types and the contract of the store's part that keeps them. Whether a fix has helped is insight/fixes.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.triage import State

MOST_RELEASES = 1_000
"""Releases of one site that are kept as seen: anybody can make up names."""

NAME_LENGTH, TEXT_LENGTH = 100, 300


@dataclass(frozen=True, slots=True)
class Release:
    """
    A release of a site (key) and from when on it counts.

    *told_ms* is when it went live as a program said so, *seen_ms* when the first stored session of it began; one
    of them at least is known.
    """

    site: str
    name: str
    seen_ms: int | None = None
    told_ms: int | None = None
    text: str = ""

    @property
    def at_ms(self) -> int:
        """Return from when on it counts."""
        at_ms = self.seen_ms if self.told_ms is None else self.told_ms
        assert at_ms is not None
        return at_ms


@dataclass(frozen=True, slots=True)
class Fix:
    """
    That *struggle* was said, at *resolved_ms*, to be gone: from *release* on, or from then on.

    Its *state* is resolved, or returned once it was seen again. *pages* are those that it was met on of late, at most two.
    """

    struggle: str
    site: str  # key
    state: State
    release: str
    resolved_ms: int
    pages: tuple[str, ...]


class FixStore(Protocol):
    """Releases, and what they are said to have mended."""

    async def releases(self, site: str) -> list[Release]:
        """Return the releases of a site (key), newest first."""

    async def put_release(self, release: Release, *, who: str, at_ms: int) -> None:
        """Keep *release*, which has a told_ms, in place of what was told of that name; *who* told it stands in the audit."""

    async def fix(self, struggle: str) -> Fix | None:
        """Return the fix of a struggle that is resolved or has returned."""

    async def fixes(
        self, since_ms: int, until_ms: int, limit: int, *, site: str | None = None
    ) -> list[Fix]:
        """
        Return up to *limit* fixes that were said, or came back, from *since_ms* until before *until_ms*, as they are now.

        Those that changed last come first; of a site (key) or all.
        """
