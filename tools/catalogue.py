"""
Make docs/catalogue.md: a table of the shipped rules.

`python -m tools.catalogue` writes it, `--check` only says whether it is stale. Owns the
table; what a rule means stands in its file in rules/.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from detector.loader import load_rules, shipped_rules
from detector.rule import Matcher, Rule

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "catalogue.md"

HEAD = """\
# The shipped rules

{count} rules, with {examples} examples beside them. Generated from `rules/*.yaml` by `make generate`; those
files are the authority. Each says what the visitor suffers, what support can do, and what the
rule cannot see; `stolper rules test` runs its examples.

*Thresholds* are the rule's `params` and `lists`: an override changes them without copying the rule
([rules](rules.md), "Changing a rule without copying it"). A rule without any has its numbers in
its file. *Weight* is what a flag adds to the session's score. *Reads* are the [events](events.md)
that it needs; `custom` ones come from `stolper('track', ...)` or from a mapping. *Replaces*: when
both rest on the same event, only this rule's flag stays.

| rule | what | severity | weight | thresholds | reads | replaces |
|---|---|---|---|---|---|---|
"""


def events_read(rule: Rule) -> list[str]:
    """Return the names of the events that *rule* takes, waits for or is cleared by."""
    matchers: list[Matcher] = [step.matcher for step in rule.steps]
    matchers += [s.absent_before.matcher for s in rule.steps if s.absent_before]
    if rule.tail is not None:
        matchers.append(rule.tail.matcher)
    if rule.until is not None:
        matchers.append(rule.until)
    return list(dict.fromkeys(event for matcher in matchers for event, _ in matcher.cases))


def thresholds(document: dict[str, Any], rule_id: str) -> str:
    """Return the params of *rule_id* with their values, and the lists of its file."""
    (raw,) = (one for one in document["rules"] if one["id"] == rule_id)
    params = [f"{name} {_shown(value)}" for name, value in raw.get("params", {}).items()]
    return ", ".join([*params, *(f"`{name}`" for name in document.get("lists", {}))])


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def page() -> str:
    """Return docs/catalogue.md."""
    loaded = load_rules([shipped_rules()])
    rows = []
    for rule in sorted(loaded.rules, key=lambda rule: rule.id):
        document = yaml.safe_load((shipped_rules() / f"{rule.id}.yaml").read_text(encoding="utf-8"))
        reads = ", ".join(events_read(rule))
        replaces = ", ".join(rule.suppresses)
        rows.append(
            f"| [{rule.id}](../rules/{rule.id}.yaml) | {rule.title['en']} | {rule.severity} "
            f"| {rule.weight:g} | {thresholds(document, rule.id)} | {reads} | {replaces} |"
        )
    head = HEAD.format(count=len(rows), examples=len(loaded.examples))
    return "\n".join([head.rstrip("\n"), *rows, ""])


def main(arguments: list[str]) -> int:
    """Write the page if it is stale, or with --check name it and return 1."""
    text = page()
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} is stale; run `make generate`\n")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
