"""
Source maps of a site's scripts, by release: they say where in the site's own code an error happened.

Owns their types and the contract of keeping them (core/sqlite/source_map_store.py does). Nothing of
them is ever handed to visitors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MOST_BYTES = 64 * 1024 * 1024
"""Of one map. The largest bundles of real sites have maps of some 20 MB."""

MOST_RELEASES = 20
"""Kept per site: recordings are kept 30 days unless told otherwise, and few sites release more often."""


MOST_KEPT_BYTES = 2 << 30
"""Of a site in all, as kept (compressed): a build's token that went astray fills no disk."""


@dataclass(frozen=True, slots=True)
class SourceMapInfo:
    """A map that is kept: *name* is its script's path, *release* "" where it is good for any."""

    release: str
    name: str
    bytes: int
    made_ms: int


class SourceMapStore(Protocol):
    """Source maps, by the key of their site, release and the script's name."""

    async def put_source_map(
        self, site: str, release: str, name: str, content: bytes, at_ms: int
    ) -> None:
        """
        Keep *content*, in place of what there was. Releases beyond MOST_RELEASES go, the oldest first.

        Raise NotFound if there is no such site, UserError if the map is too large, or too many are kept.
        """

    async def source_maps(self, site: str) -> list[SourceMapInfo]:
        """Return what is kept of *site*, newest release first, then by name."""

    async def source_map(self, site: str, release: str, name: str) -> bytes | None:
        """Return the map; None if there is none."""

    async def drop_source_maps(self, site: str, release: str) -> int:
        """Remove all maps of a release; return how many there were."""
