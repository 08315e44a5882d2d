"""Makes the reproduction of a stored session: chooses the flag, reads what is needed, writes the text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from core.errors import NotFound
from core.model import SEVERITIES, Flag, Session, Site
from core.store import AssetStore, RecordStore, SiteStore, VerdictStore
from replay.recording import LoadRecording, recordings
from replay.reproduction.script import Recorded, script
from replay.reproduction.steps import Visit, visit_of
from replay.shape import META

_AFTERWARDS_MS = 1_000
"""What a flag rests on so long after its last event is no event of the page."""


class Known(RecordStore, VerdictStore, AssetStore, SiteStore, Protocol):
    """The parts of a store that a reproduction is made of."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A test: the *name* of its file and its *text*, for the *flag*; *visit* is what it does."""

    name: str
    text: str
    flag: Flag
    visit: Visit


def chosen(flags: Sequence[Flag], wanted: str | None) -> Flag:
    """
    Return the flag that *wanted* names: its id, or its rule (the first of it).

    None names the most severe one, of several the first; one that rests on others, or on the visit's
    end, only if there is no other. Raise NotFound if there is none.
    """
    if not flags:
        raise NotFound("no rule flagged this session: there is nothing to reproduce")
    fitting = [flag for flag in flags if wanted is None or wanted in (flag.id, flag.rule)]
    if not fitting:
        rules = ", ".join(sorted({flag.rule for flag in flags}))
        raise NotFound(f"'{wanted}' did not flag this session; these did: {rules}")
    return min(fitting, key=order)


def order(flag: Flag) -> tuple[bool, int, float]:
    """Return by what flags are sorted, so that the one most worth a reproduction comes first."""
    seen = max((one.at_ms for one in flag.evidence), default=flag.until_ms)
    later = flag.until_ms - seen > _AFTERWARDS_MS  # the visit's end, or another flag
    return later, -SEVERITIES.index(flag.severity), flag.at_ms


async def reproduction(
    store: Known,
    session: Session,
    wanted: str | None,
    *,
    rules: Mapping[str, str],
    version: str,
    stub: bool = False,
) -> Reproduction:
    """
    Return the test for the flag of *session* that *wanted* names.

    *rules* are the site's own rule files; they go into the test only if it needs them.
    """
    site = await store.site(session.site)
    if site is None:
        raise NotFound(f"the site of session '{session.id}' is not there any more")
    flag = chosen(await store.flags(session.id), wanted)
    events = [event for batch in await store.batches(session.id) for event in batch.events]
    read = [one async for one in recordings(store, session.id)]
    visit = await asyncio.to_thread(visit_of, events, read, flag)
    recorded = Recorded(session, site, flag, _url(site, read), rules, version)
    text = script(visit, recorded, stub=stub)
    return Reproduction(recorded.file, text, flag, visit)


def _url(site: Site, read: Sequence[LoadRecording]) -> str:
    """Return where the pages were: of the site's origins the one that the recording names."""
    for one in read:
        for event in one.events:
            href = event["data"].get("href") if event["type"] == META else None
            if isinstance(href, str):
                parts = urlsplit(href)
                if (origin := f"{parts.scheme}://{parts.netloc}".lower()) in site.origins:
                    return origin
    return next((one for one in site.origins if one != "null"), "http://127.0.0.1")
