"""Owns how times, durations and numbers are written, for people (per language) and programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from math import isinf
from typing import Any

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup, escape

LABEL_MAX = 40
"""Characters of an element's label that are recorded (core/events.yaml)."""


def iso(at_ms: float) -> str:
    """Return *at_ms* (Unix milliseconds) as ISO 8601 in UTC with milliseconds."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(span_ms: float) -> str:
    """Return *span_ms* as 0:07, 12:34 or 1:02:03."""
    seconds = max(0, int(span_ms // 1000))  # as the player counts: a second is over or not
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def seconds(span_ms: float, language: str) -> str:
    """Return *span_ms* with tenths of a second, from a minute on as duration() does."""
    if span_ms >= 59_950:
        return duration(span_ms)
    return f"{format_decimal(round(span_ms / 1000, 1), '0.0', locale=language)} s"


def points(share: float) -> str:
    """Return *share* (-1 to 1) in whole percentage points, with its sign."""
    return f"{round(100 * share):+d}".replace("-", "−") if round(100 * share) else "0"


def span(span_ms: float, language: str) -> str:
    """Return *span_ms* in words, e.g. 30 minutes."""
    return format_timedelta(timedelta(milliseconds=span_ms), threshold=1.1, locale=language)


def percent(share: float, language: str) -> str:
    """Return *share* (0 to 1) in percent; what is there but would be written as 0 is "< 0.1%", what lacks little of all "> 99.9%"."""
    whole = Locale.parse(language).percent_formats[None].pattern
    tenths = whole.replace("#,##0", "#,##0.#")
    if 0 < share < 0.0005:
        return f"< {format_percent(0.001, tenths, locale=language)}"
    if 0.9995 <= share < 1:
        return f"> {format_percent(0.999, tenths, locale=language)}"
    fine = share < 0.1 or 0.995 <= share < 1
    return format_percent(share, tenths if fine else whole, locale=language)


def times(value: float, language: str) -> str:
    """Return how many times as much something is: near 1 with as many digits as tell it from 1, infinite as ∞."""
    if isinf(value):
        return "∞"
    near = 0.995 <= value < 1.005 and value != 1
    pattern = "#,##0.####" if near else "#,##0.##" if value < 10 else "#,##0"
    return format_decimal(value, pattern, locale=language)


def net(difference: float, language: str) -> str:
    """Return a *difference* of shares (-1 to 1) in points of a hundred, with its sign."""
    points = round(100 * difference)
    sign = "+" if points > 0 else "−" if points < 0 else "±"
    return f"{sign}{format_decimal(abs(points), locale=language)}"


def moment(at_ms: float, language: str) -> str:
    """Return *at_ms* as a date and time in UTC; pages show the reader's own zone by script."""
    locale = {"en": "en_GB"}.get(language, language)  # the day first, and 24 hours, as in lists
    text = format_datetime(datetime.fromtimestamp(at_ms / 1000, UTC), "medium", locale=locale)
    return f"{text} UTC"


def cut(label: str) -> str:
    """Return *label* with an ellipsis where the recorder has cut it off."""
    return label if len(label) < LABEL_MAX else f"{label.rstrip()}…"


def breakable(path: str) -> Markup:
    """Return *path* as HTML that a line may end in behind each of its slashes, so that words stay whole."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/?&#])(?=[^/?&#])", path))


def filters(language: str) -> dict[str, Callable[..., Any]]:
    """Return the template filters for *language*."""
    return {
        "breakable": breakable,
        "cut": cut,
        "iso": iso,
        "duration": duration,
        "seconds": partial(seconds, language=language),
        "points": points,
        "span": partial(span, language=language),
        "moment": partial(moment, language=language),
        "percent": partial(percent, language=language),
        "net": partial(net, language=language),
        "number": partial(format_decimal, locale=language),
    }
