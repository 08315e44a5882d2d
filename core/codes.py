"""
The spoken code: six characters that a caller reads out, and what is said of the session behind them.

Owns how a code is made and read, and what the store promises of codes. A code grants nothing: whoever
looks one up has signed in to the console. The checksum is there so that a slip of the tongue does not
open another person's visit.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.model import Session

ALPHABET = "23456789CDFHJKMPQRTVWXY"
"""
No vowels (no words come out), nothing that is mistaken for another by eye (0 O, 1 I L, 5 S, 2 Z, 8 B, 6 G, U V)
or ear (M N). 23 is prime: so the checksum finds every single slip and every swap of two characters.
"""

LENGTH = 6

_READ_AS = str.maketrans("BGNSUZ", "86M5V2")
"""What is not in the alphabet, and what was surely meant by it: the checksum has the last word."""

_BETWEEN = re.compile(r"[\s.·-]")

_PLACES = {character: place for place, character in enumerate(ALPHABET)}


def new_code() -> str:
    """Return a random code: one of 6.4 million."""
    drawn = [secrets.randbelow(len(ALPHABET)) for _ in range(LENGTH - 1)]
    return "".join(ALPHABET[place] for place in (*drawn, _check(drawn)))


def _check(places: Sequence[int]) -> int:
    """Return the place of the character that makes the weighted sum of all a multiple of 23."""
    total = sum(weight * place for weight, place in enumerate(places, 1))
    return -total * pow(LENGTH, -1, len(ALPHABET)) % len(ALPHABET)


def read_code(text: str) -> str | None:
    """
    Return *text* as a code is written, right or wrong; None if it does not look like one.

    Small letters, spaces and dashes are fine, and so are letters that no code has but that look or
    sound like one that it has.
    """
    if len(text) > 4 * LENGTH:
        return None
    plain = _BETWEEN.sub("", text.upper()).translate(_READ_AS)
    return plain if len(plain) == LENGTH and all(one in _PLACES for one in plain) else None


def is_code(code: str) -> bool:
    """Say whether the checksum of *code*, as read_code() returns it, is right."""
    places = [_PLACES[one] for one in code]
    return _check(places[:-1]) == places[-1]


def spaced(code: str) -> str:
    """Return *code* as it is shown and read out: in two groups."""
    return f"{code[:3]} {code[3:]}"


def slips_of(code: str) -> list[str]:
    """Return the right codes that *code* may have been meant for: one character off, or two swapped."""
    near: dict[str, None] = {}
    for at in range(LENGTH):
        for other in ALPHABET:
            near[code[:at] + other + code[at + 1 :]] = None
    for left in range(LENGTH):
        for right in range(left + 1, LENGTH):
            swapped = list(code)
            swapped[left], swapped[right] = swapped[right], swapped[left]
            near["".join(swapped)] = None
    return [one for one in near if one != code and is_code(one)]


@dataclass(frozen=True, slots=True)
class GivenCode:
    """A code, the session it stands for, and until when it is good."""

    code: str
    session: str
    until_ms: int


class CodeStore(Protocol):
    """Spoken codes, and sessions as a caller remembers them."""

    async def own_session(self, site: str, session: str, secret_hash: bytes) -> Session | None:
        """Return that session of *site* (key) if its secret has that hash; None if not, or there is none."""

    async def give_code(
        self, session: str, life_ms: int, draw: Callable[[], str] = new_code
    ) -> GivenCode | None:
        """
        Return the code of *session*, good for *life_ms* from now; None if there is no such session.

        A session has one: asked again it is the same, for longer. No two sessions have the same one,
        nor does one come back soon after it has run out, as long as others are free: whoever noted it
        would open the visit of somebody else. *draw* makes codes until one is free.
        """

    async def find_codes(self, codes: Sequence[str]) -> list[GivenCode]:
        """Return those of *codes* that stand for a session, run out or not, in their order."""

    async def sessions_around(
        self, since_ms: int, until_ms: int, *, limit: int, site: str | None = None
    ) -> list[Session]:
        """
        Return up to *limit* visits (no tests) that went on at some time from *since_ms* to *until_ms*.

        Newest first. Sessions that began more than half a day before are not looked for.
        """
