"""The part of the store that keeps releases and tells of fixes (core/fixes.py)."""

from __future__ import annotations

from core.fixes import Fix, FixStore, Release
from core.sqlite import fixes
from core.sqlite.parts import Part


class Fixes(Part, FixStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def releases(self, site: str) -> list[Release]:
        return await self._readers.run(fixes.releases, site)

    async def put_release(self, release: Release, *, who: str, at_ms: int) -> None:
        await self._writer.submit(lambda db, _: fixes.put(db, release, who, at_ms), touches=())

    async def fix(self, struggle: str) -> Fix | None:
        return await self._readers.run(fixes.fix, struggle)

    async def fixes(
        self, since_ms: int, until_ms: int, limit: int, *, site: str | None = None
    ) -> list[Fix]:
        return await self._readers.run(fixes.fixes, since_ms, until_ms, limit, site)
