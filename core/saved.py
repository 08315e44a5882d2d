"""
Saved segments: what somebody looks for again and again among the sessions, under a name.

Owns their type and the contract of keeping them (core/sqlite/saved_store.py does). What a segment asks for is kept as
the address of the list asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MOST_NAME, MOST_QUERY = 80, 2_000
"""Characters of a name, and of what is asked for: as many as an address keeps."""

MOST_OF_ONE = 100
"""Segments of one person: more are found no better than by searching anew."""


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """What *maker* named *name*; seen by all if *shared*. *id* is 0 until it is kept."""

    id: int
    name: str
    maker: str
    shared: bool
    query: str  # parameters of the list, as in its address
    saved_ms: int


class SavedStore(Protocol):
    """Saved segments, of one person or shared."""

    async def save_segment(self, segment: SavedSegment) -> int:
        """Keep *segment* in place of the one of that name and maker; return its id. Raise UserError if they have MOST_OF_ONE."""

    async def segments_for(self, user: str) -> list[SavedSegment]:
        """Return the segments of *user* and those that others share, by name. A user's own go with the user, shared ones stay."""

    async def remove_segment(self, id_: int) -> bool:
        """Remove a segment; return whether it was there."""
