"""Owns the time of day. Everything else takes a Clock as a parameter."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Server time."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000
