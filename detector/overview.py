"""
A rule as it is judged, in sentences, and where each of its values comes from.

Pure: reads the rule set and the texts of its files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.errors import NotFound
from detector.errors import Problems, did_you_mean
from detector.nodes import Map, Node, Scalar, Seq, parse
from detector.rule import RuleSet
from detector.words import rule_lines


@dataclass(frozen=True, slots=True)
class Origin:
    """A value of a rule: what it is (params: name), its text, and where it stands."""

    name: str
    value: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Overview:
    """
    A rule in words. *variants* are the sentences of each form that it has: one, or one more
    for each override that holds only in some places; none if it is switched off.

    *values* are the rule's own, then those of overrides in the order in which they are read:
    of two of the same name the later one is in force.
    """

    id: str
    title: dict[str, str]
    severity: str
    weight: float
    version: str
    file: str
    line: int
    enabled: bool
    variants: tuple[tuple[str, ...], ...]
    values: tuple[Origin, ...]
    replaced_by: tuple[str, ...]
    firing: int
    silent: int


def overview(rules: RuleSet, rule: str) -> Overview:
    """Return *rule* in words. Raise NotFound, with the nearest name, if there is none."""
    declared = {one.rule.id: one for one in rules.declared}
    if rule not in declared:
        raise NotFound(f"there is no rule '{rule}'. {did_you_mean(rule, declared, label='Rules')}")
    found = declared[rule].rule
    judged = [r for r in rules.rules if r.id == rule]
    examples = [e for e in rules.examples if e.rule == rule]
    firing = sum(bool(e.expect) for e in examples)
    return Overview(
        id=rule,
        title=dict(found.title),
        severity=found.severity,
        weight=found.weight,
        version=found.version,
        file=found.file,
        line=found.line,
        enabled=bool(judged),
        variants=tuple(tuple(rule_lines(r)) for r in judged),
        values=tuple(_values(rules.texts, rule)),
        replaced_by=tuple(sorted(r.id for r in rules.rules if rule in r.suppresses)),
        firing=firing,
        silent=len(examples) - firing,
    )


def _values(texts: Mapping[str, str], rule: str) -> Iterator[Origin]:
    """Yield the params of *rule* and what overrides set, in the order of reading."""
    roots = [(file, parse(file, text, Problems())) for file, text in texts.items()]
    for file, root in roots:
        for node in _items(root, "rules", "id", rule):
            params = node.get("params")
            for key, value in params.entries if isinstance(params, Map) else ():
                yield Origin(key.text, _shown(value), file, key.line)
    for file, root in roots:
        for node in _items(root, "overrides", "rule", rule):
            places = node.get("for")
            there = f" (only {_shown(places)})" if places is not None else ""
            for key, value in node.entries:
                if key.text == "params" and isinstance(value, Map):
                    for name, inner in value.entries:
                        yield Origin(name.text, _shown(inner) + there, file, name.line)
                elif key.text not in ("rule", "for"):
                    yield Origin(key.text, _shown(value) + there, file, key.line)


def _items(root: Map | None, section: str, key: str, rule: str) -> Iterator[Map]:
    items = root.get(section) if root is not None else None
    for item in items.items if isinstance(items, Seq) else ():
        name = item.get(key) if isinstance(item, Map) else None
        if isinstance(item, Map) and isinstance(name, Scalar) and name.text == rule:
            yield item


def _shown(node: Node) -> str:
    if isinstance(node, Map):
        return "{" + ", ".join(f"{k.text}: {_shown(v)}" for k, v in node.entries) + "}"
    if isinstance(node, Seq):
        return "[" + ", ".join(map(_shown, node.items)) + "]"
    return node.text if isinstance(node, Scalar) else ""
