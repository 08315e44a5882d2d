"""What the console needs of whoever erases (stolper/erasure.py)."""

from __future__ import annotations

from typing import Protocol

from core.erasing import Erased, Kind, Whom
from core.model import Session


class Eraser(Protocol):
    """Finds and erases whom somebody names."""

    async def whom(self, kind: Kind, id_: str, site: str | None = None) -> Whom:
        """Return who is meant, as the store has them. Raise NotFound if there is no such site."""

    async def sessions(self, whom: Whom) -> list[Session]:
        """Return the sessions of *whom*, oldest first."""

    async def others(self, whom: Whom) -> list[str]:
        """Return the visitors as whom a customer came."""

    async def erase(self, whom: Whom) -> Erased:
        """Erase *whom*; return once nothing is left."""
