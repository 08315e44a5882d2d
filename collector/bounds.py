"""What the parts of a head look like, and how much of each is taken."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from core.events import NUMBER_LIMIT

SESSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SECRET = re.compile(r"[A-Za-z0-9_-]{22}")
ID = re.compile(r"[A-Za-z0-9_-]{16,36}")
HASH = re.compile(r"[0-9a-f]{32}")
VISITOR = re.compile(r"[A-Za-z0-9_-]{16,64}")
VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
IDS = re.compile(" ".join(one.pattern for one in (SESSION, SECRET, ID, ID)))
"""The ids that every head has, with a space between, which none of them holds."""
PLACE = re.compile(r"[a-z_]{1,32}")

MAX_TEXT = 1024
"""Longest text kept of one field, in characters; longer ones are cut."""
MAX_ITEMS = 64
"""Most items kept of a list or a map (a target's path has 12, a form its refused fields)."""
MAX_GAPS = 64
MAX_HASHES = 200
"""Most hashes of assets that one batch may name; a page has some ten style sheets."""
MOST_COMMAS = 100_000
"""
In a head as it came: as many values it has, or more. 2,000 events with all their fields have some
30,000; a head of a million bytes may have 330,000, and take half a second to take apart.
"""
MAX_INDEX = 10_000_000
"""Largest event index and batch number of a page load; a busy page makes 1,000 an hour."""
MAX_T = 31 * 24 * 3600 * 1000.0
"""Oldest document believed, in milliseconds."""


def is_index(value: Any) -> TypeGuard[int]:
    """Say whether *value* is an index of an event, or a number of a batch."""
    return type(value) is int and 0 <= value <= MAX_INDEX


def is_number(value: Any) -> bool:
    """Say whether *value* is a number that is kept."""
    return type(value) in (int, float) and -NUMBER_LIMIT < value < NUMBER_LIMIT


def is_t(value: Any) -> TypeGuard[int | float]:
    """Say whether *value* is a time of a page load, in milliseconds."""
    return type(value) in (int, float) and 0 <= value <= MAX_T
