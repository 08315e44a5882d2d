"""
Owns drafts under way: a run over history that tells how far it is, one per person.

Judging all of history is work; whoever starts another run no longer wants the one before, and
only a few are run at a time, however many people (and programs) ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from console.workbench import Progress

T = TypeVar("T")

TELL_EVERY_S = 0.2
"""Often enough for a bar that moves; each telling also shows whether anybody still listens."""

AT_ONCE = 2
"""Runs that judge at the same time; each may take all cores but one. Others wait."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a run is, in sessions; *total* is 0 until it is known."""

    done: int
    total: int


class Drafts:
    """Runs drafts. A new run of the same person cancels the one under way."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(
        self, who: str, begin: Callable[[Progress], Coroutine[Any, Any, T]]
    ) -> AsyncGenerator[Step | T, None]:
        """
        Yield steps of the run that *begin* starts, then what it came to.

        Ends without a result when *who* starts another one. Closing the iterator cancels it.
        """
        step = Step(0, 0)

        def progress(done: int, total: int) -> None:
            nonlocal step
            step = Step(done, total)

        async def in_turn() -> T:
            async with self._turns:
                return await begin(progress)

        if earlier := self._running.get(who):
            earlier.cancel()
        task = asyncio.create_task(in_turn(), name=f"draft of {who}")
        self._running[who] = task
        try:
            while not (await asyncio.wait({task}, timeout=TELL_EVERY_S))[0]:
                yield step
            if not task.cancelled():
                yield task.result()
        finally:
            task.cancel()
            if self._running.get(who) is task:
                del self._running[who]

    async def result(
        self, who: str, begin: Callable[[Progress], Coroutine[Any, Any, T]]
    ) -> T | None:
        """Return what the run that *begin* starts comes to, None when another took its place."""
        async for step in self.run(who, begin):
            if not isinstance(step, Step):
                return step
        return None

    async def close(self) -> None:
        """Cancel what runs: the server stops."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


DRAFTS = web.AppKey("drafts", Drafts)
"""Those of an application: forms, the editor and programs share its turns."""
