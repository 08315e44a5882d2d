"""
Owns the way from a session to those beside it in the list it was opened from.

The list's filters stand in the session's address (`list`), so that a link, a reload and the way back
keep the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from multidict import MultiDict, MultiMapping

from core.model import Flag, Place, Session, SessionQuery, Struggle
from core.store import Store
from core.triage import counted_since

LIST = "list"
"""The parameter that carries the list's own parameters."""

MOST = 2_000
"""Characters of a list's parameters that are kept: more no browser sends without trouble."""

Reading = Callable[[MultiMapping[str]], SessionQuery]

Filters = Mapping[str, str] | Sequence[tuple[str, str]]
"""Parameters of a list; a facet's may come several times."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Addresses of the list and of the sessions before and after in it; None where there is none."""

    back: str
    previous: str | None
    next: str | None


def list_parameters(asked: str) -> MultiDict[str]:
    """Return the parameters of the list that a session's address names; none if it names no list."""
    return MultiDict(parse_qsl(asked) if len(asked) <= MOST else ())


def session_link(session: str, filters: Filters, **parameters: str) -> str:
    """Return the address of *session*, as opened from the list with *filters*."""
    told = urlencode(filters)
    given = {**parameters, LIST: told} if filters and len(told) <= MOST else parameters
    return f"/sessions/{session}" + (f"?{urlencode(given)}" if given else "")


async def neighbours(
    store: Store, session: Session, asked: str, read: Reading, now_ms: int
) -> Neighbours:
    """
    Return what stands beside *session* in the list that *asked* names, at *now_ms*.

    *read* makes a query of the list's parameters. A session that has left the list keeps its place.
    """
    filters = list_parameters(asked)
    given = [*filters.items()]
    struggle = filters.get("struggle")
    if struggle:
        period = filters.get("since", "")
        since_ms = read(filters).since_ms
        since_ms = None if since_ms is None else counted_since(since_ms, now_ms)
        query = SessionQuery(struggle=struggle, struck_since_ms=since_ms, limit=1)
        back = f"/struggles/{struggle}" + (f"?{urlencode({'since': period})}" if period else "")
    else:
        query = replace(read(filters), limit=1, offset=0)
        back = "/sessions" + (f"?{urlencode(given)}" if given else "")
    here = Place.of(session)
    before = await store.sessions(replace(query, before=here, after=None))
    after = await store.sessions(replace(query, after=here, before=None))

    async def link(found: Sequence[Session]) -> str | None:
        if not found:
            return None
        return session_link(found[0].id, given, **await _moment(store, found[0], struggle))

    return Neighbours(back, await link(before), await link(after))


async def _moment(store: Store, session: Session, struggle: str | None) -> dict[str, str]:
    """Return the parameter that opens *session* at its first flag of the struggle whose list it is in."""
    shown = await store.struggle(struggle) if struggle else None
    flags = await store.flags(session.id) if shown else []
    return next(({"flag": one.id} for one in flags if shown and belongs(one, shown)), {})


def belongs(flag: Flag, struggle: Struggle) -> bool:
    """Return whether *flag* is one of *struggle*: same rule, on the same target, or else page."""
    if flag.rule != struggle.rule:
        return False
    on, wanted = (flag.target or {}).get("key"), (struggle.target or {}).get("key")
    return on == wanted and (on is not None or flag.page == struggle.page)
