"""
Whether visits of a site arrive just now and, if not, how far they come: for whoever is putting the line
into their pages and waits.

Judged is what happened last, by the counts of recording health; those lag by a few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.health import SiteHealth, What
from core.model import Session, Site

State = Literal[
    "off", "waiting", "wrong_key", "fetched", "nothing_sent", "left", "origin", "refused", "received",
]  # fmt: skip

RECENT_MS = 15 * 60_000
"""What happened before is no answer to the change that was made in the pages just now."""

PATIENCE_MS = 15_000
"""From the loader to the first batch it takes a second; counts are written down every five."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How far visits of a site come. *names* are origins, keys or codes; *at_ms* is when it was so last."""

    state: State
    at_ms: int | None = None
    names: tuple[str, ...] = ()
    session: str | None = None  # the newest, of a site that sends

    @property
    def fetched(self) -> bool:
        """Return whether the script was asked for with the site's key."""
        return self.state not in ("off", "waiting", "wrong_key")

    @property
    def taken(self) -> bool:
        """Return whether a batch was taken."""
        return self.state == "received"


def connection(site: Site, health: SiteHealth, newest: Session | None, now_ms: int) -> Connection:
    """
    Return how far visits of *site* come. *newest* is its newest session.

    *health* covers at least the last RECENT_MS.
    """
    if not site.options.enabled:
        return Connection("off")
    since_ms = now_ms - RECENT_MS
    happened = [one for one in _happened(site, health) if (one.at_ms or 0) >= since_ms]
    if newest is not None:
        last_ms = max(newest.last_ms, newest.started_ms)
        if last_ms >= since_ms:  # a page of somebody who does not want to be recorded is no fault
            refused = [one for one in happened if one.state not in ("fetched", "left")]
            happened = [one for one in refused if (one.at_ms or 0) > last_ms + PATIENCE_MS]
        if not happened:
            return Connection("received", last_ms, (), newest.id)
    if not happened:
        return Connection("waiting")
    last = max(happened, key=lambda one: one.at_ms or 0)
    if last.state == "fetched" and now_ms - (last.at_ms or 0) > PATIENCE_MS:
        return Connection("nothing_sent", last.at_ms, last.names)
    return last


def _happened(site: Site, health: SiteHealth) -> list[Connection]:
    """Return the last time of each thing that is told of visits that do not arrive."""
    found: list[Connection] = []
    what: What
    state: State
    for what, state in (("loader", "fetched"), ("early", "left"), ("origin", "origin")):
        if counts := health.of(what):
            newest = max(counts, key=lambda one: one.last_ms)
            names = (newest.detail,) if newest.detail not in ("", "?") else ()
            found.append(Connection(state, newest.last_ms, names))
    refused = [one for one in health.of("refused") if one.detail != "origin"]
    if refused:
        newest = max(refused, key=lambda one: one.last_ms)
        found.append(Connection("refused", newest.last_ms, (newest.detail,)))
    wrong = [one for one in health.unknown_keys if one.detail.split(" ")[0] in site.origins]
    if wrong:
        newest = max(wrong, key=lambda one: one.last_ms)
        found.append(Connection("wrong_key", newest.last_ms, (newest.detail.split(" ")[-1],)))
    return found
