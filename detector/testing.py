"""
Runs the examples that stand beside rules.

Events of a test need only what matters: `i` and `t` are counted and taken from `at`,
`page_load` and `tab` are "test", `path` is "/", `view` is 0; a click is trusted, by the
mouse, with the primary button; a page is visible. A `tick` lets time pass: waits that run out before it are
decided, as the sweep does in an idle session. Whatever is not listed is not compared;
the number of flags is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.events import EventSchema
from detector.book import Raised
from detector.engine import Engine, flags
from detector.loader import load_rules
from detector.rule import Example, Expected
from detector.words import span

START_MS = 1_700_000_000_000.0
"""Any moment will do; offsets count from it."""

_GIVEN: dict[str, dict[str, object]] = {
    "click": {"trusted": True, "pointer": "mouse", "button": 0},
    "page": {"visible": True},
}
"""What an event of a test has if it does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one example went. *failure* says what differs, None when nothing does."""

    example: Example
    failure: str | None

    @property
    def fires(self) -> bool:
        """Say whether the example expects a flag."""
        return bool(self.example.expect)


def events_of(example: Example) -> list[dict[str, Any] | float]:
    """Return the example's events in full; a number is a tick at that time."""
    found: list[dict[str, Any] | float] = []
    for number, item in enumerate(example.events):
        ts = START_MS + item.at_ms
        if item.event is None:
            found.append(ts)
            continue
        event: dict[str, Any] = {
            "i": number, "t": float(item.at_ms), "ts": ts, "page_load": "test", "tab": "test",
            "view": 0, "path": "/",
        }  # fmt: skip
        event.update(_GIVEN.get(str(item.event["type"]), {}))
        event.update(item.event)
        found.append(event)
    return found


def run_example(engine: Engine, example: Example) -> Outcome:
    """Return how *example* goes under *engine*."""
    state = engine.new(dict(example.session))
    errors = engine.errors
    for event in events_of(example):
        if isinstance(event, float):
            engine.expire(state, event)
        elif event["type"] == "session_end":
            engine.end(state, event["ts"], event.get("kind", "idle"))
        else:
            engine.feed(state, event)
    if engine.errors > errors:
        return Outcome(example, "the rules failed on an event (see the log)")
    found = [flag for flag in flags(state) if flag.rule.id == example.rule]
    return Outcome(example, _difference(found, example.expect))


def _difference(found: Sequence[Raised], expected: Sequence[Expected]) -> str | None:
    if len(found) != len(expected):
        shown = "".join(f"{'; ' if n else ': '}{_shown(flag)}" for n, flag in enumerate(found))
        plural = "" if len(expected) == 1 else "s"
        return f"expected {len(expected) or 'no'} flag{plural}, got {len(found) or 'none'}{shown}"
    for number, (flag, want) in enumerate(zip(found, expected, strict=True), 1):
        wrong = _wrong(flag, want)
        if wrong:
            return f"flag {number}: {wrong}"
    return None


def _wrong(flag: Raised, want: Expected) -> str | None:
    at = round(flag.at - START_MS)
    checks: list[tuple[str, object, object]] = [
        ("at", want.at_ms, at),
        ("group", want.group, flag.group),
        ("severity", want.severity, flag.severity),
        ("hits", want.hits, flag.hits),
    ]
    checks += [(f"capture {n}", v, flag.captures.get(n)) for n, v in want.captures]
    for name, expected, actual in checks:
        if expected is not None and expected != actual:
            if name == "at":
                return f"at should be {span(want.at_ms or 0)}, is {span(at)}"
            return f"{name} should be {expected}, is {actual}"
    return None


def _shown(flag: Raised) -> str:
    group = f" on '{flag.group}'" if flag.group else ""
    return f"{flag.rule.id} at {span(round(flag.at - START_MS))}{group}"


def run_files(
    paths: Sequence[Path],
    *,
    schema: EventSchema | None = None,
    reference: Sequence[Path] = (),
) -> list[Outcome]:
    """
    Return how the examples of *paths* go.

    Those of a path are run under the rules up to that path: the overrides of a site do not
    break the examples of the shipped rules.
    """
    outcomes: list[Outcome] = []
    seen: set[tuple[str, int]] = set()
    for count in range(1, len(paths) + 1):
        rules = load_rules(paths[:count], schema=schema, reference=reference)
        engine = Engine(rules)
        for example in rules.examples:
            if (example.file, example.line) not in seen:
                seen.add((example.file, example.line))
                outcomes.append(run_example(engine, example))
    return outcomes
