"""What an attack is: a name, what is done, what must come of it, and how that is counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.e2e.strangers.victim import Stranger

Run = Callable[[Stranger], Awaitable[str]]


@dataclass(frozen=True)
class Attack:
    """
    One attack. *expected* is the answer on both routes, or one for each: aiohttp's, then our own's.

    *counted* is what a scrape shows more of afterwards, likewise; None: inert, nothing to count.
    """

    name: str
    run: Run
    expected: str | tuple[str, str]
    counted: str | tuple[str | None, str | None] | None
    data: bytes = b""  # what is sent, if that is all that is done

    def answer(self, *, own: bool) -> str:
        """Return what is expected on a route."""
        return self.expected if isinstance(self.expected, str) else self.expected[own]

    def count(self, *, own: bool) -> str | None:
        """Return what is counted on a route."""
        return self.counted[own] if isinstance(self.counted, tuple) else self.counted


def sent(name: str, data: bytes, expected: str | tuple[str, str], counted: str | None) -> Attack:
    """Return the attack that sends *data*."""

    async def run(them: Stranger) -> str:
        return await them.ask(data)

    return Attack(name, run, expected, counted, data)
