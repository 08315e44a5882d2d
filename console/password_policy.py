"""
Owns which passwords people may choose: long ones that no list of common passwords has.

Passwords that Stolper makes itself are random and need no such look.
"""

from __future__ import annotations

import re
from pathlib import Path

LEAST = 12
MOST = 256
"""Characters; more protects nobody, and each has to be hashed."""

NAME = r"[a-z0-9][a-z0-9._-]{0,39}"
"""What somebody who signs in may be called."""

_LEFT = 5
"""So many letters must be left of a password when all that everybody guesses is taken out of it."""

_GUESSED = Path(__file__).with_name("guessed.txt").read_text(encoding="utf-8").split()
"""What the lists of leaked passwords are made of."""

_LEET = str.maketrans("01345789@$!", "oieastbgasi")


def weakness(password: str, *names: str) -> str | None:
    """
    Return why *password* may not be chosen: short, long or guessable; None if it may.

    *names* are words that others know of its owner.
    """
    if len(password) < LEAST:
        return "short"
    if len(password) > MOST:
        return "long"
    known = sorted({*_GUESSED, *(name.lower() for name in names if len(name) > 2)}, key=len, reverse=True)  # fmt: skip
    folded = password.lower()
    if len(set(folded)) < _LEFT:
        return "guessable"
    for text in (folded, folded.translate(_LEET)):
        left = "".join(letter for letter in text if letter.isalpha())
        left = re.sub("|".join(map(re.escape, known)), "", left)
        if len(set(left)) < _LEFT:
            return "guessable"
    return None
