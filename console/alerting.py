"""What the console needs of whoever sends alerts (stolper/alerting/)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.alerts import Alert, Delivery

Channel = Literal["webhook", "slack", "mail"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where messages may go. *where* is a host or mailbox; *lacks* the setting that is still needed."""

    name: str
    channel: Channel
    where: str
    lacks: str


@dataclass(frozen=True, slots=True)
class TriedOnce:
    """How many sessions an alert counts at *at_ms*, and what is usual then, where that is asked for."""

    at_ms: int
    sessions: int
    usual: float | None


@dataclass(frozen=True, slots=True)
class Tried:
    """When an alert would have been told in the last seven days, and the most that it counted."""

    told: tuple[TriedOnce, ...]
    most: TriedOnce


class Alerting(Protocol):
    """Knows the destinations, and sends."""

    def destinations(self) -> Sequence[Destination]:
        """Return the destinations that the settings name, in their order."""

    async def test(self, destination: str, language: str) -> Delivery:
        """Send a message to the destination of that name now; return what became of it."""

    async def trial(self, alert: Alert) -> Tried:
        """Return what *alert* (of the kind "count") would have told in the last seven days."""

    async def send_digest(self, alert: Alert) -> None:
        """Have the digest *alert* sent now, of the last whole days."""

    def prompt(self) -> None:
        """Look at alerts and at what waits soon: something was changed."""
