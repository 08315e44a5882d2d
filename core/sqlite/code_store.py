"""The part of the store that keeps spoken codes; SQL is codes.py's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.clock import Clock
from core.codes import CodeStore, GivenCode, new_code
from core.model import Session
from core.sqlite import codes
from core.sqlite.parts import Part


class Codes(Part, CodeStore):
    """Mixed into the store, whose writer, readers and clock it uses."""

    _clock: Clock

    async def own_session(self, site: str, session: str, secret_hash: bytes) -> Session | None:
        return await self._readers.run(codes.own_session, site, session, secret_hash)

    async def give_code(
        self, session: str, life_ms: int, draw: Callable[[], str] = new_code
    ) -> GivenCode | None:
        now_ms = self._clock.now_ms()
        return await self._writer.submit(
            lambda db, _: codes.give(db, session, now_ms, life_ms, draw), bounded=True, touches=()
        )

    async def find_codes(self, codes_: Sequence[str]) -> list[GivenCode]:
        return await self._readers.run(codes.find, codes_)

    async def sessions_around(
        self, since_ms: int, until_ms: int, *, limit: int, site: str | None = None
    ) -> list[Session]:
        return await self._readers.run(codes.sessions_around, since_ms, until_ms, limit, site)
