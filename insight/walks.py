"""
Makes the walk of a session through a process of the steps that came (detector/steps.py). Pure.

Owns what counts as reached, completed and left, and where somebody was who left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.model import Event, Flag, Session, StoredBatch
from core.search import Document
from core.walks import Walk
from detector.judging import in_order
from detector.rule import Process
from detector.steps import Hit, Steps
from insight.form_uses import form_uses
from insight.met import met_terms
from insight.stays import stays_of

MEANING = 9
"""Raised where what is made of a session here comes to mean something else, or more: then all are looked at anew."""


def made_by(steps: Steps) -> str:
    """Return what the walks and uses of forms that *steps* lead to are made by: the declarations, and the code here."""
    return f"{steps.version} {MEANING}"


def walks_of(
    steps: Steps, session: str, events: Sequence[Event], attributes: dict[str, Any]
) -> list[Walk]:
    """Return the walks of *session* through the processes of *steps*; *events* are in canonical order."""
    return _walks(steps, session, events, steps.of(events, attributes))


def _walks(
    steps: Steps, session: str, events: Sequence[Event], hits: Mapping[str, Sequence[Hit]]
) -> list[Walk]:
    return [
        walk_of(process, session, hits[process.id], events)
        for process in steps.processes
        if hits[process.id]
    ]


def with_walks(
    document: Document,
    steps: Steps,
    session: Session,
    batches: Sequence[StoredBatch],
    flags: Sequence[Flag],
) -> Document:
    """Return *document* with the walks of its *session*, and found by how far it came, what it met and the forms that it used there."""
    events, ended = in_order(batches), session.ended_ms is not None
    hits = steps.of(events, session.attributes)
    walks = _walks(steps, session.id, events, hits)
    stays = stays_of(events) if walks else []
    forms = [
        use
        for walk in walks
        for use in form_uses(
            walk, [(hit.step, hit.event) for hit in hits[walk.process]], events, stays, ended=ended
        )
    ]
    declared = {one.id: one for one in steps.processes}
    terms = [term for walk in walks for term in found_by(declared[walk.process], walk, ended=ended)]
    terms += [term for use in forms for term in use.terms()]
    for walk in walks:
        order, came = [name for name, _ in declared[walk.process].steps], hits[walk.process]
        told = (steps.waiting, steps.endings[walk.process])
        terms += met_terms(walk, order, came, events, flags, *told, ended=ended)
    return replace(
        document, walks=tuple(walks), forms=tuple(forms), terms=(*document.terms, *terms)
    )


def found_by(process: Process, walk: Walk, *, ended: bool) -> Iterator[tuple[str, str]]:
    """
    Return what the session of *walk* is found by, as far as the walk alone tells.

    A step behind the goal is no sign that the goal was reached: as an optional step it counts only where it came.
    """
    order = [name for name, _ in process.steps]
    return walk.terms(order, (*process.optional, process.goal), ended=ended)


def walk_of(process: Process, session: str, hits: Sequence[Hit], events: Sequence[Event]) -> Walk:
    """
    Return the walk that *hits*, at least one, are among *events*.

    Of a strict process the hits stand in order already. One with a time limit is completed only within
    it, from the first step that came.
    """
    first: dict[str, int] = {}
    for hit in hits:
        first.setdefault(hit.step, round(hit.ts))
    order = [name for name, _ in process.steps]
    goal = _goal(process, hits)
    if goal is None and process.goal in first:  # too late
        del first[process.goal]
        hits = [hit for hit in hits if hit.step != process.goal]
    page, field, element, label, went = _end(hits, events)
    return Walk(
        session,
        process.id,
        tuple(sorted(first.items(), key=lambda one: one[1])),
        furthest=max(first, key=order.index),
        completed_ms=None if goal is None else round(goal.ts),
        value=None if goal is None else _value(process, goal.event),
        page=page,
        field=field,
        element=element,
        label=label,
        went=went,
        stops=tuple(hit.step for hit in hits),
    )


def _goal(process: Process, hits: Sequence[Hit]) -> Hit | None:
    """Return the first time that the goal was reached in time."""
    limit = process.time_limit_ms
    for hit in hits:
        if hit.step == process.goal and (limit is None or hit.ts - hits[0].ts <= limit):
            return hit
    return None


def _value(process: Process, event: Event) -> float | None:
    """Return what the goal was worth, if the *event* tells a number."""
    found: Any = event
    for name in (process.value or "").split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _end(hits: Sequence[Hit], events: Sequence[Event]) -> tuple[str, str, str, str, str | None]:
    """Return page, field, element with its label, and next page of the end of a walk."""
    last = hits[-1].event
    page, tab = last.get("path") or "", last.get("tab")
    field, element, label = "", "", ""
    for event in _since(hits, events):
        if event.get("tab") != tab:
            continue
        if event["type"] == "page" and (event.get("path") or "") != page and _after(event, last):
            return page, field, element, label, event.get("path") or ""
        if (
            event["type"] == "field" and event.get("cause") != "submit"
        ):  # told of all that is refused
            field = event.get("field") or _target(event, "key") or field
        elif event["type"] == "click" and _target(event, "key"):
            element, label = _target(event, "key"), _target(event, "label")
    return page, field, element, label, None


def _since(hits: Sequence[Hit], events: Sequence[Event]) -> Iterator[Event]:
    """Give the events from where the last step began: it may have come several times."""
    begin = hits[-1]
    for hit in reversed(hits):
        if hit.step != begin.step:
            break
        begin = hit
    return (event for event in events if event["ts"] >= begin.ts)


def _after(event: Event, last: Event) -> bool:
    """Say whether *event* came after *last*, which are of one tab."""
    return (event["ts"], event.get("i", 0)) > (last["ts"], last.get("i", 0)) and event is not last


def _target(event: Event, name: str) -> str:
    target = event.get("target")
    return str(target.get(name) or "") if isinstance(target, dict) else ""
