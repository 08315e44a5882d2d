"""The part of the store that keeps what the detector found; SQL is judged.py's and struggles.py's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.clock import Clock
from core.errors import StoreDamaged, StoreFailed
from core.model import Flag, RuleVersion, Score, Session, Struggle, Verdicts
from core.sqlite import judged, records, struggles
from core.sqlite.parts import Part
from core.store import VerdictStore


class Judgements(Part, VerdictStore):
    """Mixed into the store, whose writer, readers and clock it uses."""

    _clock: Clock

    async def unjudged_sessions(self) -> list[Session]:
        return await self._readers.run(records.unjudged_sessions)

    async def checkpoint(self) -> int:
        return await self._readers.run(judged.checkpoint)

    async def commit_verdicts(self, verdicts: Sequence[Verdicts]) -> None:
        try:
            await self._writer.submit(lambda db, _: judged.commit(db, verdicts), touches=())
        except StoreFailed as error:
            if self._readers.met_damage(error.__cause__):
                raise StoreDamaged(f"the database cannot be written: {error.__cause__}") from error
            raise

    async def flags(self, session: str, *, withdrawn: bool = False) -> list[Flag]:
        return await self._readers.run(judged.flags, session, withdrawn)

    async def struggles(
        self, *, site: str | None = None, since_ms: int | None = None, limit: int = 100
    ) -> list[Struggle]:
        now_ms = self._clock.now_ms()
        return await self._readers.run(
            struggles.struggles, now_ms, site=site, since_ms=since_ms, limit=limit
        )

    async def struggle(self, key: str) -> Struggle | None:
        found = await self._readers.run(struggles.struggles, self._clock.now_ms(), key=key)
        return found[0] if found else None

    async def score(self, session: str) -> Score | None:
        return await self._readers.run(judged.score, session)

    async def put_in_force(self, versions: Sequence[RuleVersion], files: Mapping[str, str]) -> None:
        await self._writer.submit(lambda db, _: judged.put_in_force(db, versions, files))

    async def rule_versions(self, rule: str) -> list[RuleVersion]:
        return await self._readers.run(judged.rule_versions, rule)

    async def rule_files(self) -> dict[str, str]:
        return await self._readers.run(judged.rule_files)

    async def rule_uses(
        self, since_ms: int, *, site: str | None = None
    ) -> tuple[dict[str, tuple[int, int]], int]:
        return await self._readers.run(judged.rule_uses, since_ms, site)
