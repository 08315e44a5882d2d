"""Owns how the queue of struggles stands in an address: what the parameters ask for, and addresses of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from console.finding import PERIODS
from core.model import SEVERITIES
from core.triage import DUES, OPEN, ORDERS, STATES, QueueQuery, State

Word = TypeVar("Word", bound=str)

PAGE_SIZE = 50
MOST_PAGES = 2_000
NOBODY = "-"
"""Stands in addresses for the owner of what nobody has: names of users begin with a letter or digit."""

CHOICES: dict[str, tuple[State, ...] | None] = {
    "open": OPEN,
    **{state: (state,) for state in STATES},
    "all": None,
}
"""What `state` may ask for. Without it: what is open."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of the queue's address that say something, in their order."""

    values: dict[str, str]

    def link(self, **changed: str) -> str:
        """Return the address of the queue with some parameters *changed*; the page is the first again."""
        values = {**self.values, "page": "", **changed}
        given = {name: value for name, value in values.items() if value}
        return "/struggles" + (f"?{urlencode(given)}" if given else "")

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def narrowed(self) -> bool:
        """Say whether anything but order and state keeps struggles from being shown."""
        return bool(set(self.values) - {"order", "state", "page"})


def asked_of(given: Mapping[str, str]) -> Asked:
    """Return what of an address's parameters can be used; the rest is left out, as if it were not there."""
    known = {
        "state": tuple(CHOICES),
        "since": tuple(PERIODS),
        "severity": SEVERITIES,
        "reviewed": ("yes", "no"),
        "due": DUES,
        "order": ORDERS,
    }
    values = {
        name: given[name][:200]
        for name in ("state", "text", "site", "since", "owner", "severity", "rule", "reviewed", "due", "order", "page")
        if given.get(name)
    }  # fmt: skip
    for name, words in known.items():
        if name in values and values[name] not in words:
            del values[name]
    if "page" in values and not (
        values["page"].isdecimal() and 1 < int(values["page"][:9]) <= MOST_PAGES
    ):
        del values["page"]
    return Asked(values)


def query_of(asked: Asked, now_ms: int, today: str) -> QueueQuery:
    """Return what *asked* lists."""
    span = PERIODS.get(asked["since"])
    number = int(asked["page"] or 1)
    owner = asked["owner"]
    return QueueQuery(
        today=today,
        site=asked["site"] or None,
        since_ms=now_ms - span if span else None,
        states=CHOICES[asked["state"] or "open"],
        owner=None if not owner else "" if owner == NOBODY else owner,
        rule=asked["rule"] or None,
        text=asked["text"],
        severity=_one_of(asked["severity"], SEVERITIES),
        reviewed={"yes": True, "no": False}.get(asked["reviewed"]),
        due=_one_of(asked["due"], DUES),
        order=_one_of(asked["order"], ORDERS) or "sessions",
        limit=PAGE_SIZE,
        offset=(number - 1) * PAGE_SIZE,
    )


def _one_of(value: str, words: tuple[Word, ...]) -> Word | None:
    return next((word for word in words if word == value), None)
