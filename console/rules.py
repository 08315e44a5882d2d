"""Owns turning the detector's rules into what the rules page and the badges show."""

from __future__ import annotations

from console.context import RuleInfo
from detector.rule import RuleSet


def rule_infos(rules: RuleSet) -> list[RuleInfo]:
    """Return the rules of *rules*, by id."""
    return [
        RuleInfo(
            id=rule.id,
            title=dict(rule.title),
            severity=rule.severity,
            description=dict(rule.description),
            guidance=dict(rule.guidance),
            source=rules.sources.get(rule.id, ""),
        )
        for rule in sorted(rules.rules, key=lambda rule: rule.id)
    ]
