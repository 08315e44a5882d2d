"""
Makes of a session what it did in the forms at the steps of a process: fields, times, and what befell it there. Pure.

Owns what counts as used, refilled, returned to, refused and left (docs/forms.md says it in words).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.form_use import OUTSIDE, FieldUse, FormUse
from core.model import Event
from core.walks import Walk
from insight.stays import Places, Stay, keys_of, label_of

MOST_FIELDS = 200
"""Fields of a session that are kept at one process; a form of more is no form that people fill in."""

Key = tuple[str, str, str]
"""Step, form and field."""


@dataclass(slots=True)
class _Seen:
    """What is known of one field so far."""

    label: str = ""
    stays: int = 0
    spent_ms: float | None = None
    waited_ms: float | None = None
    filled: bool = False
    marks: set[str] = field(default_factory=set)


def form_uses(
    walk: Walk,
    steps: Sequence[tuple[str, Event]],
    events: Sequence[Event],
    stays: Sequence[Stay],
    *,
    ended: bool,
) -> tuple[FormUse, ...]:
    """
    Return what the session of *walk* did in forms, by step and form in the order in which it came to them.

    *steps* are the events that were steps of the process, with the step's name; *events* are all, in canonical order,
    and *stays* what they tell of (insight/stays.py).
    """
    places = Places(steps, events)
    seen: dict[Key, _Seen] = {}
    before: dict[tuple[str, str], str] = {}  # by step and form: the field that was entered before
    last: tuple[float, Key] | None = None
    for stay in stays:
        step = places.at(stay.tab, stay.load, stay.begin if stay.first is None else stay.first)
        if step is None:
            continue
        key = (step, stay.form, stay.field)
        if key not in seen and len(seen) >= MOST_FIELDS:
            continue
        one = seen.setdefault(key, _Seen())
        if one.stays and before.get(key[:2]) != stay.field:
            one.marks.add("field_returned")
        before[key[:2]] = stay.field
        _add(one, stay)
        if last is None or stay.end >= last[0]:
            last = (stay.end, key)
    forms = _refused(seen, places, events)
    gone = last[1] if last is not None and _left_at(walk, ended) == last[1][0] else None
    return _told(walk.process, forms, seen, gone)


def _left_at(walk: Walk, ended: bool) -> str | None:
    """Return the step that the session left at."""
    return walk.furthest if ended and walk.completed_ms is None else None


def _add(one: _Seen, stay: Stay) -> None:
    """Count a *stay* in the field."""
    one.stays += 1
    one.label = stay.label or one.label
    if stay.spent_ms is not None:
        one.spent_ms = (one.spent_ms or 0.0) + stay.spent_ms
    if one.waited_ms is None:
        one.waited_ms = stay.waited_ms
    if one.filled and stay.changed:
        one.marks.add("field_refilled")
    if stay.filled is not None:
        one.filled = stay.filled
    for mark, is_so in (
        ("field_refused", stay.refused),
        ("field_deleted", stay.deleted),
        ("field_pasted", stay.pasted),
        ("field_filled_in", stay.filled_in),
    ):
        if is_so:
            one.marks.add(mark)


def _refused(
    seen: dict[Key, _Seen], places: Places, events: Sequence[Event]
) -> dict[tuple[str, str], None]:
    """Mark fields in *seen* that were refused at a submit or by a message; return step and form of all that were used."""
    forms = {key[:2]: None for key in seen}
    for event in events:
        kind = event["type"]
        at_submit = kind == "field" and event.get("cause") == "submit"
        by_message = kind == "message" and event.get("severity") == "error" and event.get("field")
        if not (kind == "form" or at_submit or by_message):
            continue
        step = places.at(str(event.get("tab") or ""), str(event.get("page_load")), event["ts"])
        if step is None:
            continue
        form, name = keys_of(event)
        if by_message:  # it knows the field, not the form
            form = next((f for s, f, n in reversed(seen) if (s, n) == (step, name)), "")
        if not form or len(seen) >= MOST_FIELDS:
            continue
        forms[step, form] = None
        if kind != "form" and name:
            one = seen.setdefault((step, form, name), _Seen(label_of(event)))
            one.marks.add("field_refused")
    return forms


def _told(
    process: str,
    forms: dict[tuple[str, str], None],
    seen: dict[Key, _Seen],
    gone: Key | None,
) -> tuple[FormUse, ...]:
    found: dict[tuple[str, str], list[FieldUse]] = {at: [] for at in forms}
    for key, one in sorted(seen.items(), key=lambda item: not item[1].stays):
        found[key[:2]].append(
            FieldUse(
                key[2],
                one.label,
                None if one.spent_ms is None else round(one.spent_ms),
                None if one.waited_ms is None else round(one.waited_ms),
                tuple(sorted(one.marks)),
                left=key == gone,
                entered=one.stays > 0,
            )
        )
    return tuple(
        FormUse(process, step, form, tuple(fields))
        for (step, form), fields in found.items()
        if fields or form != OUTSIDE
    )
