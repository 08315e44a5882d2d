"""
Owns what an address of the sessions list asks for: one field of words, facets with and without, time, order.

All of it stands in the address. Reading it is here, and so are the addresses that ask for a little more or less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict, MultiMapping

from collector.identity import kept_id
from console.context import IDENTITY_KEY, console
from core.model import SessionQuery
from core.search import BANDS, FIELDS, MOST_ASKED, Find, read

PERIODS: dict[str, int | None] = {
    "1h": 3_600_000,
    "24h": 86_400_000,
    "7d": 7 * 86_400_000,
    "30d": 30 * 86_400_000,
    "": None,
}

NOT = "not_"
"""Before the name of a field: sessions that have the value are left out."""

MET = "met"
"""The parameter that names a struggle (its key): sessions that have it."""

TEXT_MAX = 1_000
"""Characters of the field that are read; more no browser sends without trouble."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What an address asks for, as its *pairs* of parameters in the order in which filters are shown.

    *query* has no place: an address says where in the list it is beside that. *find* is all that is asked
    of the index; where the lists' own indexes have the answer, up to the second, *query* takes it from them.
    """

    query: SessionQuery
    find: Find
    pairs: tuple[Pair, ...]

    def get(self, name: str) -> str:
        """Return the first value of a parameter, or nothing."""
        return next((value for one, value in self.pairs if one == name), "")

    @property
    def filters(self) -> tuple[Pair, ...]:
        """Return the pairs that leave something out: order does not."""
        return tuple(one for one in self.pairs if one[0] != "order")

    @property
    def parameters(self) -> str:
        """Return the pairs as an address has them."""
        return urlencode(self.pairs)

    def has(self, name: str, value: str) -> bool:
        """Say whether *value* is asked for in *name*."""
        return (name, value) in self.pairs

    def link(self, *, also: Iterable[Pair] = (), but: Iterable[Pair] = ()) -> str:
        """Return the address that asks for other pairs *also*, and for some no more."""
        gone = set(but)
        pairs = [*(one for one in self.pairs if one not in gone), *also]
        return "/sessions" + (f"?{urlencode(pairs)}" if pairs else "")


def asked_of(request: web.Request, given: MultiMapping[str]) -> Asked:
    """Return what the parameters *given* ask for. What cannot be is left out."""
    pairs = list(dict.fromkeys(_pairs(given)))
    values = MultiDict(pairs)
    find = _find(request, pairs)
    span = PERIODS.get(values.get("since", ""))
    query = SessionQuery(
        site=values.get("site"),
        since_ms=console(request).clock.now_ms() - span if span else None,
        order="score" if "order" in values else "newest",
        struggle=values.get(MET),
    )
    return Asked(_plain(query, find), find, tuple(pairs))


def find_of(request: web.Request, given: MultiMapping[str]) -> Find:
    """Return what the parameters *given* ask of the index; what programs ask of site, time and flags is not that."""
    told = MultiDict(one for one in given.items() if one[0] not in ("flagged", "since", "site"))
    return _find(request, list(dict.fromkeys(_pairs(told))))


def _find(request: web.Request, pairs: Sequence[Pair]) -> Find:
    values = MultiDict(pairs)
    find = Find(
        include=tuple((name, value) for name, value in pairs if name in FIELDS),
        exclude=tuple(
            (name.removeprefix(NOT), value) for name, value in pairs if name.startswith(NOT)
        ),
        customer=_kept(request, values["customer"]) if "customer" in values else None,
    )
    if words := values.get("q"):
        find = find.also(_hashed(request, read(words)))
    return find


def _pairs(given: MultiMapping[str]) -> Iterable[Pair]:
    """Give the parameters that say what to list, in the order in which filters are shown."""
    for name in ("q", "site", "since", "customer", MET):
        value = given.get(name, "").strip()[:TEXT_MAX]
        if value and (name != "since" or PERIODS.get(value)):
            yield name, value
    # Links of before the index, which others may have kept.
    flagged = {"yes": "has", "no": f"{NOT}has"}.get(given.get("flagged", ""))
    if flagged:
        yield flagged, "struggle"
    for before in ("", NOT):
        for name in FIELDS:
            for value in given.getall(before + name, [])[:MOST_ASKED]:
                if value and (name != "score" or value in BANDS):
                    yield before + name, value[:TEXT_MAX]
    if given.get("order") == "score":
        yield "order", "score"


def _hashed(request: web.Request, find: Find) -> Find:
    """Return *find* with e-mail addresses as they are kept: by their keyed hash."""
    return replace(
        find,
        who=tuple(_kept(request, one) for one in find.who),
        customer=None if find.customer is None else _kept(request, find.customer),
    )


def _kept(request: web.Request, id_: str) -> str:
    return kept_id(id_, request.app[IDENTITY_KEY])[0]


def _plain(query: SessionQuery, find: Find) -> SessionQuery:
    """Let the lists' own indexes find what they can: they know of what came a moment ago."""
    if find == Find(include=find.include) and len(find.include) == 1:
        ((name, value),) = find.include
        if name == "rule":
            return replace(query, rule=value)
        if name == "score":
            return replace(query, score_min=BANDS[value])
        if (name, value) == ("has", "struggle"):
            return replace(query, flagged=True)
    if find == Find(exclude=(("has", "struggle"),)):
        return replace(query, flagged=False)
    return replace(query, find=find) if find else query
