"""Finds what a goal may be worth: the numbers that events of its name brought lately."""

from __future__ import annotations

from dataclasses import dataclass

from console.process_form import FormStep
from core.model import SessionQuery
from core.search import Find
from core.store import Store
from replay.document import TRACKED

LOOKED = 20
"""The newest sessions that had the event; what they do not tell is hardly told at all."""


@dataclass(frozen=True, slots=True)
class Number:
    """A *field* of an event that is a number, and one that came lately."""

    field: str
    example: float


async def numbers_of(store: Store, goal: FormStep, session: str = "") -> list[Number]:
    """
    Return the fields of the event of *goal* that were numbers lately, by name; none if it is no event of the site.

    *session* is one that is looked at first, of which the index may not know yet.
    """
    if goal.kind != "custom" or not goal.what:
        return []
    find = Find(include=(("did", f"{TRACKED}{goal.what}"),))
    sessions = await store.sessions(SessionQuery(find=find, limit=LOOKED))
    ids = [*([session] if session else []), *(one.id for one in sessions)]
    batches = await store.batches_of(ids)
    found: dict[str, float] = {}
    for some in batches.values():
        for batch in some:
            for event in batch.events:
                if event["type"] != "custom" or event.get("name") != goal.what:
                    continue
                for name, value in (event.get("props") or {}).items():
                    if isinstance(value, int | float) and not isinstance(value, bool):
                        found.setdefault(f"props.{name}", float(value))
    return [Number(name, found[name]) for name in sorted(found)]
