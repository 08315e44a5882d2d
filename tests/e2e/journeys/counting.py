"""Counts what somebody does on a journey: steps, fields, presses, views, seconds; and holds it against its goal."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from playwright.async_api import Frame, Page


@dataclass(frozen=True, slots=True)
class Goal:
    """What a journey may take at most; None: no such limit is set."""

    steps: int
    seconds: float
    views: int | None = None
    fields: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.steps} steps", f"{self.seconds:.0f} s"]
        parts += [f"{self.views} views"] if self.views else []
        return ", ".join([*parts, *([f"{self.fields} field"] if self.fields else [])])


@dataclass
class Journey:
    """
    One way from a wish to its end.

    A step is what somebody decides to do: a command, an address that is opened, a link or button, a text that is
    written and sent off or in force as it stands. Walking there by the Tab key is none, as moving a mouse is none.
    """

    name: str
    goal: Goal
    steps: list[str] = field(default_factory=list)
    fields: int = 0
    views: int = 0
    begun_s: float = field(default_factory=time.monotonic)
    took_s: float = 0.0

    def step(self, what: str) -> None:
        """Count a step."""
        self.steps.append(what)

    def watch(self, page: Page) -> None:
        """Count the pages that *page* shows from now on."""

        def count(frame: Frame) -> None:
            self.views += frame == page.main_frame

        page.on("framenavigated", count)

    def end(self) -> None:
        """Take the time: what was wished for is there."""
        self.took_s = time.monotonic() - self.begun_s

    @property
    def over(self) -> list[str]:
        """What was more than the goal allows. Time is the machine's, not the journey's: it is printed only."""
        limits = {
            "steps": (len(self.steps), self.goal.steps),
            "views": (self.views, self.goal.views),
            "fields": (self.fields, self.goal.fields),
        }
        return [
            f"{self.name}: {count} {what}, goal {most}"
            for what, (count, most) in limits.items()
            if most is not None and count > most
        ]


def table(journeys: list[Journey]) -> str:
    """Return the journeys in a table, with the steps of each below it."""
    lines = [f"{'journey':<26}{'steps':>6}{'fields':>8}{'views':>7}{'seconds':>9}   goal"]
    for one in journeys:
        lines.append(
            f"{one.name:<26}{len(one.steps):>6}{one.fields:>8}{one.views:>7}{one.took_s:>9.1f}   {one.goal}"
        )
        lines.append(f"    {' -> '.join(one.steps)}")
    return "\n".join(lines)
