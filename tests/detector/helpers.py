"""Rules from text, events from a few words: what the tests of the detector are written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from core.events import EventSchema, load_schema
from detector.book import Raised
from detector.engine import Engine, flags
from detector.errors import Issue, Problems
from detector.loader import Library
from detector.rule import RuleSet
from detector.testing import Outcome, run_example

START = 1_700_000_000_000.0

Event = dict[str, Any]


def issues(*texts: str, schema: EventSchema | None = None) -> list[Issue]:
    """Return what loading *texts*, as files f0.yaml, f1.yaml ..., finds; missing tests aside."""
    problems = Problems()
    library = Library(problems, schema or load_schema())
    for number, text in enumerate(texts):
        library.add_text(f"rules/f{number}.yaml", text, group=number)
    library.rule_set()
    return [issue for issue in problems.issues if "has no test" not in issue.message]


def rules(*texts: str, schema: EventSchema | None = None) -> RuleSet:
    """Return the rule set of *texts*; raise RuleErrors if they are wrong."""
    problems = Problems()
    library = Library(problems, schema or load_schema())
    for number, text in enumerate(texts):
        library.add_text(f"rules/f{number}.yaml", text, group=number)
    found = library.rule_set()
    problems.raise_if_failed()
    return found


def rule(body: str, *, top: str = "", name: str = "x") -> RuleSet:
    """Return the set of one rule with *body* (indented by 4) and sections *top*."""
    return rules(text(body, top=top, name=name))


def text(body: str, *, top: str = "", name: str = "x") -> str:
    """Return a file with one rule."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    return f"version: 1\n{top}\nrules:\n  - id: {name}\n    title: X\n{lines}\n"


def at(ms: float, type_: str, i: int = 0, **fields: Any) -> Event:
    """Return an event *ms* after the start."""
    event = {
        "type": type_, "ts": START + ms, "t": float(ms), "i": i, "page_load": "load", "tab": "tab",
        "view": 0, "path": "/",
    }  # fmt: skip
    return {**event, **fields}


def numbered(events: Iterable[Event]) -> list[Event]:
    """Return *events* with their indices counted per page load."""
    counts: dict[str, int] = {}
    found: list[Event] = []
    for event in events:
        load = event["page_load"]
        found.append({**event, "i": counts.get(load, 0)})
        counts[load] = counts.get(load, 0) + 1
    return found


def judge(
    set_: RuleSet, events: Sequence[Event], *, tick: float | None = None, **end: Any
) -> list[Raised]:
    """Return the flags of *events* in the given order; *tick* and *end* are ms after the start."""
    engine = Engine(set_)
    state = engine.new(end.get("attributes", {}))
    for event in numbered(events):
        engine.feed(state, event)
    if tick is not None:
        engine.expire(state, START + tick)
    if "end" in end:
        engine.end(state, START + end["end"], end.get("kind", "idle"))
    assert engine.errors == 0
    return flags(state)


def fired(set_: RuleSet, events: Sequence[Event], **more: Any) -> list[tuple[str, float, str]]:
    """Return the flags as (rule, ms after the start, group)."""
    return [(r.rule.id, r.at - START, r.group) for r in judge(set_, events, **more)]


def click(ms: float, key: str = "k", **fields: Any) -> Event:
    """Return a click on *key*."""
    path = fields.pop("target_path", [{"tag": "button"}])
    target = {"key": key, "tag": "button", "path": path, **fields.pop("target", {})}
    return at(ms, "click", trusted=True, target=target, **fields)


def run_examples(of: RuleSet) -> list[Outcome]:
    """Return how all examples of the rule set *of* go."""
    engine = Engine(of)
    return [run_example(engine, example) for example in of.examples]
