"""One thing that is wrong, as all examinations tell it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """
    What is wrong and the next step to take.

    *code* is stable and documented in docs/operating.md. *severe*: visits are not recorded
    because of it. *site* is the name of the site that it concerns, "" if it concerns all.
    """

    code: str
    severe: bool
    what: str
    do: str
    site: str = ""
