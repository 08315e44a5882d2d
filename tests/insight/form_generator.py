"""
Visits that fill in forms, with known truth: what a visitor does is drawn, its truth noted, its events told as the snippet does.

The same seed makes the same visits. Nothing here uses what it is to test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from core.sqlite import SqliteStore
from tests.console.support import START, Visit
from tests.insight.generator import HOUR, PATHS

Key = tuple[str, str, str]
"""Step, form, field."""

FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "basket": {"-": ("voucher",)},
    "address": {"address": ("street", "zip", "city", "country"), "news letter": ("email",)},
    "pay": {"payment": ("owner", "iban", "cvc", "note > gift")},
}
CHOSEN, SECRET = "country", "cvc"
"""A field that is chosen in, without lengths; one that tells nothing but that it was there."""


@dataclass(slots=True)
class Fact:
    """What a visit did in one field."""

    spent: float | None = None
    waited: float | None = None
    stays: int = 0
    marks: set[str] = field(default_factory=set)
    stands: bool = False  # something stands in it that was put there


@dataclass(slots=True)
class Filler:
    """A visit: truth by field (in the order of first entering), forms used, and the events that tell of it."""

    id: str
    device: str
    start: int
    rnd: random.Random
    at: float = 0.0
    fields: dict[Key, Fact] = field(default_factory=dict)
    forms: set[tuple[str, str]] = field(default_factory=set)
    last: Key | None = None
    came: list[str] = field(default_factory=list)
    completed: bool = False
    running: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def left(self) -> str | None:
        """Return the step at which it left."""
        return None if self.completed or self.running or not self.came else self.came[-1]

    @property
    def left_in(self) -> Key | None:
        """Return the field that it used last at the step where it left."""
        return self.last if self.last is not None and self.last[0] == self.left else None

    def tell(self, type_: str, path: str, **facts: Any) -> None:
        """Add an event of now."""
        self.events.append({"t": self.at, "type": type_, "path": path, **facts})

    def wait(self, least: int, most: int) -> float:
        """Let time pass; return how much."""
        span = self.rnd.uniform(least, most)
        self.at += span
        return span


def fillers(seed: int, count: int) -> list[Filler]:
    """Return *count* visits, drawn by *seed*."""
    rnd = random.Random(seed)
    return [_filler(random.Random(rnd.random()), f"filler{nth:05}") for nth in range(count)]


def _filler(rnd: random.Random, id_: str) -> Filler:
    one = Filler(
        id_, rnd.choice(("desktop", "mobile")), START + rnd.randrange(20) * HOUR, rnd, at=5.0
    )
    one.tell("page", "/", nav="load")
    if rnd.random() < 0.3:  # a form that is no step's
        _stay(one, "", "search", "q", 40)
    for step in ("basket", "address", "pay"):
        one.wait(800, 20_000)
        one.tell("page", PATHS[step], nav="link")
        one.came.append(step)
        _fill(one, step)
        if rnd.random() < 0.25:
            one.running = rnd.random() < 0.2
            if rnd.random() < 0.3:  # what is filled in elsewhere is no step's
                one.wait(300, 900)
                one.tell("page", "/contact", nav="link")
                _stay(one, "", "contact", "text", 30)
            return one
    one.wait(900, 2_000)
    one.completed = True
    one.tell("custom", "/pay", name="order_placed", props={})
    return one


def _fill(one: Filler, step: str) -> None:
    """Enter fields in some order, come back to some, send the form, be refused."""
    rnd = one.rnd
    for form, names in FORMS[step].items():
        if rnd.random() < 0.3:
            continue
        order = [name for name in names if rnd.random() < 0.8]
        if rnd.random() < 0.3:
            rnd.shuffle(order)
        order += [rnd.choice(names) for _ in range(rnd.choice((0, 0, 0, 1, 2, 4)))]
        before = ""
        for name in order:
            fact = _fact(one, (step, form, name))
            if fact.stays and before != name:
                fact.marks.add("field_returned")
            _stay(one, step, form, name, rnd.randrange(20, 12_000))
            before = name
        if order and form != "-" and rnd.random() < 0.5:
            _send(one, step, form, names)


def _fact(one: Filler, key: Key) -> Fact:
    one.forms.add(key[:2])
    return one.fields.setdefault(key, Fact())


def _stay(one: Filler, step: str, form: str, name: str, most: int) -> None:
    """Be in a field from focus to blur: hesitate, put something in, look elsewhere meanwhile, pause."""
    rnd, path = one.rnd, one.events[-1]["path"]
    fact = _fact(one, (step, form, name)) if step else Fact()
    one.wait(60, 1_500)
    begin, hidden, waited = one.at, _away(one, path), None
    facts: dict[str, Any] = {"field": name, "input_type": "text", "target": {"key": f"#{name}", "label": f"Your {name}"}}  # fmt: skip
    if form != "-":
        facts["form"] = form
    one.wait(20, most)
    if rnd.random() < 0.85:
        waited = one.at - begin - hidden
        facts |= {"first_input_ms": round(one.at - begin), **_put_in(rnd, fact, name)}
        one.wait(100, 4_000)
        if rnd.random() < 0.15:
            one.wait(5_000, 9_000)
            _tell_stay(one, path, name, begin, facts, cause="pause")
        if name == CHOSEN:
            _tell_stay(one, path, name, begin, facts, cause="choice")
        hidden += _away(one, path)
        one.wait(50, 2_000)
    fact.stays += 1
    _tell_stay(one, path, name, begin, facts, cause="blur")
    if step:
        one.last = (step, form, name)
    if name == SECRET:
        return
    fact.spent = (fact.spent or 0.0) + one.at - begin - hidden
    if fact.waited is None:
        fact.waited = waited
    if rnd.random() < 0.15:
        fact.spent += _again(one, path, facts)
    changed = bool(facts.get("changed"))
    if fact.stands and changed:
        fact.marks.add("field_refilled")
    if facts.get("length") or changed:
        fact.stands = bool(facts["length"]) or name == CHOSEN


def _away(one: Filler, path: str) -> float:
    """Now and then look into another tab; return for how long."""
    if one.rnd.random() > 0.1:
        return 0.0
    one.wait(1, 400)
    one.tell("visibility", path, state="hidden")
    span = one.wait(500, 30_000)
    one.tell("visibility", path, state="visible")
    return span


def _put_in(rnd: random.Random, fact: Fact, name: str) -> dict[str, Any]:
    """Return what is told of what is put into the field *name* now; mark how that was done."""
    told: dict[str, Any] = {"keys": 4, "changed": rnd.random() < 0.85}
    given = not fact.stays and rnd.random() < 0.2  # by the page
    had = 6 if fact.stands or given else 0
    length = 0 if had and rnd.random() < 0.3 else 8
    told |= {"lengths": [had, length], "length": length}
    if name == CHOSEN:
        told |= {"lengths": [0], "length": 0}
    for fact_name, mark, share in (
        ("deletions", "field_deleted", 0.2),
        ("paste", "field_pasted", 0.1),
        ("autofill", "field_filled_in", 0.1),
        ("invalid", "field_refused", 0.1),
    ):
        if rnd.random() < share and name != SECRET:
            told[fact_name] = 3 if fact_name == "deletions" else True
            fact.marks.add(mark)
    return told


def _tell_stay(
    one: Filler, path: str, name: str, begin: float, facts: dict[str, Any], *, cause: str
) -> None:
    if name == SECRET:
        told = {k: facts[k] for k in ("form", "field", "target") if k in facts}
        one.tell("field", path, **told, sensitive=True, cause=cause)
    else:
        partial = {"partial": True} if cause == "pause" else {}
        one.tell("field", path, **facts, focus_ms=round(one.at - begin), cause=cause, **partial)


def _again(one: Filler, path: str, facts: dict[str, Any]) -> float:
    """
    Be in the same field still when a page comes back that had gone: it tells of a focus of its own. Return for how long.

    If something was put in before, it may be changed now: *facts* are those of the whole stay.
    """
    one.at += 2.0
    begin = one.at
    one.wait(200, 3_000)
    told = {k: facts[k] for k in ("form", "field", "target", "input_type") if k in facts}
    length = facts.get("length", 0)
    told |= {"lengths": [length], "length": length, "changed": False}
    if facts.get("keys") and (length or facts["field"] == CHOSEN) and one.rnd.random() < 0.5:
        told |= {"changed": True, "first_input_ms": 150}
        if length:
            told |= {"lengths": [length, 9], "length": 9}
        facts["changed"] = True
    one.tell("field", path, **told, focus_ms=round(one.at - begin), cause="blur")
    return one.at - begin + 2.0


def _send(one: Filler, step: str, form: str, names: tuple[str, ...]) -> None:
    """Send the form; some fields are refused, also such as nobody entered, and a message tells of one."""
    path = PATHS[step]
    one.wait(200, 900)
    refused = [name for name in names if one.rnd.random() < 0.15]
    one.tell("form", path, form=form, how="click", outcome="refused" if refused else "accepted")
    for name in refused:
        _fact(one, (step, form, name)).marks.add("field_refused")
        one.tell("field", path, form=form, field=name, invalid=True, cause="submit", focus_ms=90_000)  # fmt: skip
    known = [key for key in one.fields if key[:2] == (step, form)]
    if known and one.rnd.random() < 0.2:
        named = one.rnd.choice(known)
        one.fields[named].marks.add("field_refused")
        one.wait(100, 300)
        one.tell("message", path, kind="field", severity="error", field=named[2])


async def stored_fillers(store: SqliteStore, truths: list[Filler]) -> None:
    """Write the visits into *store* as the collector would; end those that do not run."""
    for truth in truths:
        visit = Visit(store, truth.id, start=truth.start, attributes={"device": truth.device})
        await visit.send([{"tab": "tab-1", **event} for event in truth.events])
        if not truth.running:
            await store.end_session(truth.id, "left")
