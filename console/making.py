"""
Makes rules, exceptions, process steps and derived events of a picked element, as YAML.

Pure: what a form holds in, text of rule files out. Whether the text is right is for the
workbench to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from console.rule_yaml import block, listed
from console.selectors import Path, sample_path
from console.words import Words
from detector.edit import flow
from detector.patterns import selectors
from detector.words import span

What = Literal["unanswered", "often", "any", "never"]
WHATS: tuple[What, ...] = ("unanswered", "often", "any", "never")

_OTHERS: tuple[Path, ...] = (
    [{"tag": "button", "id": "another"}],
    [{"tag": "a", "id": "another"}],
    [{"tag": "p"}],
)
"""What examples press where the picked element is not meant: the first that does not fit."""

_SHORTENED = 40
_SPAN_MS = 24 * 3_600_000


class TooWide(ValueError):
    """The selector fits whatever is pressed."""


def slug(title: str, taken: Collection[str] = ()) -> str:
    """Return an id made of *title*, as ids of rules are written, that is not in *taken*."""
    folded = title.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    folded = folded.replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_SHORTENED].strip("_")
    if not base or not base[0].isalpha():
        base = f"rule_{base}".rstrip("_")
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


@dataclass(frozen=True, slots=True)
class NewRule:
    """What the form for a new rule holds. *page* is a glob, for presses that never come."""

    id: str
    title: str
    severity: str
    what: What
    selector: str
    times: int = 3
    within_ms: float = 2_000
    page: str = "/*"
    site: str | None = None  # only there; None: everywhere

    def text(self, _: Words) -> str:
        """Return the rule file: the rule, and examples that hold it to its word."""
        rule: dict[str, Any] = {"id": self.id, "title": self.title, "severity": self.severity}
        if self.site is not None:
            rule["scope"] = {"site": self.site}
        rule |= _SHAPES[self.what](self)
        tests = [
            {"rule": self.id, "name": name, **self._session(), "events": events, "expect": expect}
            for name, events, expect in _EXAMPLES[self.what](self, _)
        ]
        return (
            "version: 1\nrules:\n"
            + listed(block(rule))
            + "tests:\n"
            + "".join(listed(_test(test)) for test in tests)
        )

    def _session(self) -> dict[str, Any]:
        return {} if self.site is None else {"session": {"site": self.site}}

    def press(self, at: str, **facts: Any) -> dict[str, Any]:
        """Return a press on the element, for an example."""
        return _press(at, "picked", sample_path(self.selector), facts)

    def other(self, at: str, **facts: Any) -> dict[str, Any]:
        """Return a press on another element, for an example."""
        fits = selectors([self.selector])
        for path in _OTHERS:
            if not fits({"path": path}):
                return _press(at, "another", path, facts)
        raise TooWide


def _press(at: str, key: str, path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    target = {"key": key, "tag": path[0]["tag"], "interactive": True, "path": path}
    return {"at": at, "event": "click", "target": target, **facts}


def _test(test: Mapping[str, Any]) -> str:
    head = {name: test[name] for name in ("rule", "name", "session") if name in test}
    events = "".join(f"  - {flow(event)}\n" for event in test["events"])
    return block(head) + "events:\n" + events + f"expect: {flow(test['expect'])}\n"


Examples = list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]

_UNANSWERED = {
    "trusted": True, "answered_ms": {"exists": False}, "request_ms": {"exists": False},
    "pending": False, "cut": False,
}  # fmt: skip


def _unanswered(rule: NewRule) -> dict[str, Any]:
    where = {"target": rule.selector, **_UNANSWERED}
    return {"match": {"event": "click", "where": where}, "group": "target.key"}


def _unanswered_examples(rule: NewRule, _: Words) -> Examples:
    return [
        (_("a press that nothing answers"), [rule.press("0s")], [{"at": "0s"}]),
        (_("an answered press"), [rule.press("0s", answered_ms=120)], []),
        (_("a press elsewhere"), [rule.other("0s")], []),
    ]


def _often(rule: NewRule) -> dict[str, Any]:
    return {
        "match": {
            "event": "click",
            "where": {"target": rule.selector, "trusted": True},
            "times": rule.times,
            "within": span(max(1, round(rule.within_ms))),
        },
        "flag": "burst",
    }


def _often_examples(rule: NewRule, _: Words) -> Examples:
    gaps = max(1, rule.times - 1)
    quick = span(max(1, rule.within_ms // gaps))
    slow = span(rule.within_ms // gaps + 1)
    many: dict[str, Any] = {"x": rule.times, "every": quick}
    return [
        (_("as many presses in that time"), [rule.press("0s", **many)], [{}]),
        (_("the same presses, slower"), [rule.press("0s", x=rule.times, every=slow)], []),
        (_("presses elsewhere"), [rule.other("0s", **many)], []),
    ]


def _any(rule: NewRule) -> dict[str, Any]:
    where = {"target": rule.selector, "trusted": True}
    return {"match": {"event": "click", "where": where}}


def _any_examples(rule: NewRule, _: Words) -> Examples:
    return [
        (_("a press"), [rule.press("0s", answered_ms=80)], [{"at": "0s"}]),
        (_("a press elsewhere"), [rule.other("0s")], []),
    ]


def _never(rule: NewRule) -> dict[str, Any]:
    pressed = {"event": "click", "where": {"target": rule.selector}}
    return {
        "sequence": [
            {"event": "page", "where": {"path": {"glob": rule.page}}},
            {"absent": pressed, "within": span(_SPAN_MS), "or_end": True},
        ]
    }


def _never_examples(rule: NewRule, _: Words) -> Examples:
    page = {"at": "0s", "event": "page", "path": rule.page.replace("*", "x").replace("?", "x")}
    end = {"at": "40s", "event": "session_end", "kind": "left"}
    return [
        (_("seen, never pressed, left"), [page, rule.other("5s"), end], [{"at": "40s"}]),
        (_("pressed before leaving"), [page, rule.press("9s", answered_ms=80), end], []),
    ]


_SHAPES = {"unanswered": _unanswered, "often": _often, "any": _any, "never": _never}
_EXAMPLES = {
    "unanswered": _unanswered_examples,
    "often": _often_examples,
    "any": _any_examples,
    "never": _never_examples,
}


def exception(rule: str, selector: str, *, site: str | None = None) -> dict[str, Any]:
    """Return the override that keeps *rule* silent on *selector*."""
    override: dict[str, Any] = {"rule": rule}
    if site is not None:
        override["for"] = {"site": site}
    return {**override, "except": {"target": [selector]}}


def pressed(selector: str, *, site: str | None = None) -> dict[str, Any]:
    """Return the matcher of a press on *selector*."""
    where: dict[str, Any] = {"target": selector}
    if site is not None:
        where["site"] = site
    return {"event": "click", "where": where}


def mapping(name: str, selector: str, *, site: str | None = None) -> dict[str, Any]:
    """Return the mapping that makes a press on *selector* the custom event *name*."""
    source: Any = "click" if site is None else {"event": "click", "where": {"site": site}}
    return {"to": {"name": name}, "from": source, "on": {"target": selector}}
