"""
Conditions and rules in words: those of the YAML, from the normal form.

Owns how a condition, a span and a rule read. Whether a condition holds is detector/trace.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detector.patterns import selector_of
from detector.rule import Absence, Capture, FieldOf, Matcher, Rule, Threshold
from detector.where import ALWAYS, All, AnyOf, Const, InProcess, Not, SameAs, Selector, Test, Where

_SHOWN = 60
"""Characters of a value that are shown: enough to know it by."""


def span(ms: float) -> str:
    """Return *ms* as a rule file writes it: 250ms, 3s, 10m, 2h."""
    if ms == 0:
        return "0s"
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms >= size and ms % size == 0:
            return f"{ms / size:.0f}{unit}"
    return f"{ms:.0f}ms"


def lasting(ms: float) -> str:
    """Return how long *ms* are, to read rather than to write: 0.3 s, 12.4 s, 3:05 min."""
    if ms < 60_000:
        return f"{ms / 1000:.4g} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} h" if hours else f"{minutes}:{seconds:02} min"


def constant(value: Const) -> str:
    """Return *value* as a rule file writes it."""
    if value is True or value is False:
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def seen(value: object) -> str:
    """Return the *value* of a field as it was seen."""
    if value is None:
        return "absent"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, dict):
        text = str(value.get("key") or selector_of(value) or "a target")
    elif isinstance(value, list):
        text = "[" + ", ".join(map(seen, value)) + "]"
    elif isinstance(value, float):
        text = f"{value:.10g}"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def condition(where: Where) -> str:
    """Return *where* in the words of YAML, in one line."""
    if isinstance(where, All):
        return "{" + ", ".join(map(condition, where.items)) + "}" if where.items else "anything"
    if isinstance(where, AnyOf):
        return "any: [" + ", ".join(map(_braced, where.items)) + "]"
    if isinstance(where, InProcess):
        return f"process: [{', '.join(where.processes)}]"
    name, test = _field_test(where)
    return f"{name}: {test}" if name else test


def _braced(where: Where) -> str:
    text = condition(where)
    return text if text.startswith("{") else "{" + text + "}"


def _field_test(where: Where) -> tuple[str, str]:
    """Return the field and the test of a condition on one field; ("", text) for others."""
    if isinstance(where, Test):
        return where.field, _test(where)
    if isinstance(where, Selector):
        return where.field, _list(where.selectors)
    if isinstance(where, SameAs):
        return where.field, f"{{same_as: {where.alias}.{where.source}}}"
    if isinstance(where, Not):
        if isinstance(where.inner, Test) and where.inner.op == "exists":
            return where.inner.field, "{exists: false}"
        name, test = _field_test(where.inner)
        if name:
            return name, f"{{not: {test}}}"
        return "", f"not: {_braced(where.inner)}"
    return "", condition(where)


def _test(test: Test) -> str:
    values = _list(test.value)
    if test.op in ("eq", "in", "has"):
        return values if len(test.value) != 1 or test.op == "in" else constant(test.value[0])
    if test.op == "none":
        return f"{{none_of: [{', '.join(map(constant, test.value))}]}}"
    if test.op == "exists":
        return "{exists: true}"
    return f"{{{test.op}: {values}}}"


def _list(values: Sequence[Const]) -> str:
    shown = ", ".join(map(constant, values))
    return shown if len(values) == 1 else f"[{shown}]"


def conjuncts(where: Where) -> tuple[Where, ...]:
    """Return the conditions that *where* demands together."""
    return where.items if isinstance(where, All) else (where,)


def matcher_text(matcher: Matcher) -> str:
    """Return which events *matcher* takes, in one line."""
    by_where: dict[str, list[str]] = {}
    for event, where in matcher.cases:
        text = "" if where == ALWAYS else ", ".join(map(condition, conjuncts(where)))
        by_where.setdefault(text, []).append(event)
    return "; ".join(
        " or ".join(events) + (f" where {text}" if text else "")
        for text, events in by_where.items()
    )


def rule_lines(rule: Rule) -> list[str]:
    """Return what *rule* waits for and what it does then, a sentence each."""
    body = _count_lines(rule) if rule.counting is not None else _sequence_lines(rule)
    return [*body, *_limits(rule), *_outcome(rule)]


def _count_lines(rule: Rule) -> Iterator[str]:
    step, counting = rule.steps[0], rule.counting
    assert counting is not None
    how = f"{step.times} × " if step.times > 1 else ""
    if counting.distinct:
        how = f"{step.times} different values of {counting.distinct} in "
    yield f"Fires at {how}{matcher_text(step.matcher)}"
    if counting.same:
        near = f", or within {counting.near_px:g}px of them" if counting.near_px else ""
        yield f"  counted per {counting.same}{near}"
    if counting.alternates:
        yield f"  with {counting.alternates} going A, B, A, B"
    if step.within_ms is not None:
        yield f"  within {span(step.within_ms)} from the first to the last"
    if counting.share is not None:
        tests = dict(counting.share.where).values()
        text = ", ".join(condition(w) for w in dict.fromkeys(tests))
        yield f"  of which {share_text(counting.share.low, counting.share.high)} have {text}"


def share_text(low: float, high: float) -> str:
    """Return the limits of a share in words."""
    if low <= 0:
        return f"at most {high:.0%}"
    return f"at least {low:.0%}" if high >= 1 else f"{low:.0%} to {high:.0%}"


def _sequence_lines(rule: Rule) -> Iterator[str]:
    yield "Fires when these come in this order:"
    for number, step in enumerate(rule.steps, 1):
        if step.absent_before is not None:
            yield f"     and in between not {absence_text(step.absent_before)}"
        yield f"  {number}. {step_text(rule, number - 1)}"
    if rule.tail is not None:
        yield f"     and then not {absence_text(rule.tail)}"
    if rule.within_ms is not None:
        yield f"  all within {span(rule.within_ms)}"


def step_text(rule: Rule, number: int) -> str:
    """Return step *number* (from 0) in one line."""
    step = rule.steps[number]
    times = f"{step.times} × " if step.times > 1 else ""
    alias = "" if step.alias.startswith("#") else f" ({step.alias})"
    within = ""
    if step.within_ms is not None:
        what = "from first to last" if step.times > 1 else "after the step before"
        within = f", within {span(step.within_ms)} {what}"
    return f"{times}{matcher_text(step.matcher)}{alias}{within}"


def absence_text(absence: Absence) -> str:
    """Return what must not come, in one line."""
    within = "" if absence.within_ms is None else f" within {span(absence.within_ms)}"
    end = " (the end of the session decides, too)" if absence.or_end else ""
    return f"{matcher_text(absence.matcher)}{within}{end}"


def _limits(rule: Rule) -> Iterator[str]:
    guards: dict[str, list[str]] = {}
    for event, where in rule.guards:
        for part in conjuncts(where):
            guards.setdefault(condition(part), []).append(event)
    for text, events in guards.items():
        yield f"Only where {text} (scope, except, for; on {', '.join(events)})"
    for threshold in rule.thresholds:
        yield f"But {threshold_text(threshold)}"
    if rule.until is not None:
        yield f"Starts over at {matcher_text(rule.until)}"
    if rule.clock == "visible":
        yield "Counts only time while the tab is visible"


def threshold_text(threshold: Threshold) -> str:
    """Return a threshold in one line."""
    tests = dict.fromkeys(condition(where) for _, where in threshold.when)
    changes = []
    if threshold.times is not None:
        changes.append(f"times {threshold.times}")
    if threshold.within_ms is not None:
        changes.append(f"within {span(threshold.within_ms)}")
    if threshold.severity is not None:
        changes.append(f"severity {threshold.severity}")
    return f"when {' or '.join(tests)}: {', '.join(changes)}"


def _outcome(rule: Rule) -> Iterator[str]:
    unit = "session" if rule.group is None else field_text(rule.group)
    cooldown = span(rule.cooldown_ms)
    yield {
        "once": f"Flags once per {unit}",
        "burst": f"Flags per {unit} at its first hit, and again at one after {cooldown} without any",
        "every": f"Flags each time, at most once in {cooldown} per {unit}",
    }[rule.flag]
    if rule.captures:
        yield "Keeps " + ", ".join(f"{c.name} = {_capture(c)}" for c in rule.captures)
    if rule.suppresses:
        yield f"Replaces flags of {', '.join(rule.suppresses)} that rest on the same events"


def field_text(field: FieldOf) -> str:
    """Return a field of a step as a rule file writes it."""
    if field.alias is None or field.alias.startswith("#"):
        return field.field
    return f"{field.alias}.{field.field}"


def _capture(capture: Capture) -> str:
    if capture.kind == "process_step":
        return "process.last_step"
    if capture.matcher is None:
        return field_text(capture.field) if capture.field else capture.name
    events = " or ".join(event for event, _ in capture.matcher.cases)
    return f"{capture.kind}({events})" + (f".{capture.field.field}" if capture.field else "")
