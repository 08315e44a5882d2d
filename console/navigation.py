"""Owns which pages there are to go to, what they are called, and where one is."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.auth import OWNERS
from console.words import Words
from core.model import ROLES

ALL = frozenset(ROLES)


@dataclass(frozen=True, slots=True)
class Entry:
    """One place to go. *under* are the paths below which one is there; others do not see it than *roles*."""

    link: str
    name: str
    under: tuple[str, ...]
    roles: frozenset[str] = ALL
    within: tuple[Entry, ...] = field(default=())

    def holds(self, path: str) -> bool:
        """Return whether the page at *path* belongs here."""
        return any(path == one or path.startswith(one + "/") for one in self.under)


def main_entries(_: Words) -> tuple[Entry, ...]:
    """Return the entries of the main navigation, in order."""
    settings = (
        Entry("/sites", _("Sites"), ("/sites",)),
        Entry("/alerts", _("Alerts"), ("/alerts", "/digest", "/counted")),
        Entry("/people", _("Access and erasure"), ("/people",), OWNERS),
        Entry("/audit", _("Audit log"), ("/audit",), OWNERS),
    )
    customers = (
        Entry("/customers", _("Customers"), ("/customers",)),
        Entry("/contacts", _("Contacts"), ("/contacts",)),
    )
    return (
        Entry("/overview", _("Overview"), ("/overview",)),
        Entry("/struggles", _("Struggles"), ("/struggles",)),
        Entry("/sessions", _("Sessions"), ("/sessions",)),
        Entry("/processes", _("Processes"), ("/processes", "/paths", "/maps")),
        Entry("/reports", _("Reports"), ("/reports",)),
        Entry("/find", _("Caller"), ("/find",)),
        Entry("/customers", _("Customers"), ("/customers", "/contacts"), ALL, customers),
        Entry("/rules", _("Rules"), ("/rules",)),
        Entry(
            "/sites", _("Settings"), tuple(path for one in settings for path in one.under), ALL, settings
        ),
    )  # fmt: skip


def entries_for(role: str, path: str, _: Words) -> tuple[list[Entry], list[Entry]]:
    """Return what somebody of *role* sees in the main navigation, and, at *path*, beside that page."""
    shown = [one for one in main_entries(_) if role in one.roles]
    here = next((one for one in shown if one.holds(path)), None)
    beside = [one for one in here.within if role in one.roles] if here else []
    return shown, beside if len(beside) > 1 else []
