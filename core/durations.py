"""Spans of time as people write them: 250ms 3s 10m 2h 7d. A bare number is an error everywhere."""

from __future__ import annotations

import re

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
_FORM = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")


def parse_duration_ms(text: str) -> int:
    """
    Return *text* (e.g. 30m) in milliseconds.

    Raise ValueError, with the right spellings, if it has no unit or is no duration.
    """
    found = _FORM.fullmatch(text.strip())
    if found:
        return round(float(found[1]) * _UNITS_MS[found[2]])
    if re.fullmatch(_NUMBER, text.strip()):
        number = text.strip()
        raise ValueError(f"'{number}' has no unit. Write {number}s, {number}m or {number}ms.")
    raise ValueError(f"'{text}' is no duration. Write e.g. 250ms, 30s, 10m, 2h or 7d.")
