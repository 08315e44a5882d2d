"""
How an element that something happened to is found again: Playwright locators, the most robust first.

Pure: from the target of an event to Python expressions over `page`. Which of them fits is decided
when the test runs, on the page as it is then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Target = Mapping[str, Any]

FIELDS = frozenset({"input", "select", "textarea"})

# Roles that Playwright's get_by_role is told by; others say little.
_NAMED = frozenset(
    {
        "button", "checkbox", "combobox", "link", "menuitem", "option", "radio", "searchbox",
        "slider", "spinbutton", "switch", "tab", "textbox", "treeitem",
    }
)  # fmt: skip
_MASKED = re.compile(r"[x\s\W]*x[x\s\W]*\Z")
_PLAIN = re.compile(r"[A-Za-z_][\w-]*\Z")
_LABEL_LENGTH = 40  # of labels in events (snippet/src/target/describe.ts)
_STEPS = 4


def places_of(target: Target) -> list[str]:
    """Return the expressions for *target*, each once. Empty if nothing but its place is known."""
    return list(dict.fromkeys(_found(target)))


def _found(target: Target) -> Iterator[str]:
    path = [one for one in target.get("path") or () if isinstance(one, dict)]
    own = path[0] if path else {"tag": target.get("tag")}
    if own.get("test"):
        yield f"page.locator({quoted(_any_test(str(own['test'])))})"
    if own.get("id"):
        yield f"page.locator({quoted(_by_id(str(own['id'])))})"
    label, tag = clear_label(target), target.get("tag")
    if label and target.get("role") in _NAMED:
        exact = "" if len(label) >= _LABEL_LENGTH else ", exact=True"
        yield f"page.get_by_role({quoted(str(target['role']))}, name={quoted(label)}{exact})"
    elif label and tag in FIELDS:
        yield f"page.get_by_label({quoted(label)})"
    if selector := _selector(path):
        yield f"page.locator({quoted(selector)})"


def quoted(text: str) -> str:
    """Return *text*, which may come from anybody, as a string of Python's."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def clear_label(target: Target) -> str:
    """Return the accessible name of *target* if it can be read: masked ones are nothing but x."""
    label = str(target.get("label") or "").strip()
    return "" if not label or _MASKED.match(label.lower()) else label


def called(target: Target) -> str:
    """Return what people call *target*, for comments."""
    return clear_label(target) or str(target.get("key") or target.get("tag") or "")


def _any_test(value: str) -> str:
    names = ("data-testid", "data-test", "data-test-id", "data-cy", "data-qa", "data-track")
    return ", ".join(f'[{name}="{_quoted(value)}"]' for name in names)


def _by_id(value: str) -> str:
    return f"#{value}" if _PLAIN.match(value) else f'[id="{_quoted(value)}"]'


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _selector(path: list[dict[str, Any]]) -> str:
    """Return a CSS selector of *path*: up to the nearest ancestor with an id, four steps at most."""
    steps: list[str] = []
    for number, one in enumerate(path[:_STEPS]):
        if not one.get("tag") or one["tag"] in ("html", "body"):
            break
        if number and one.get("id"):
            steps.insert(0, _by_id(str(one["id"])))
            break
        steps.insert(0, _step(one))
    return " ".join(steps)


def _step(one: dict[str, Any]) -> str:
    classes = [name for name in one.get("classes") or () if _PLAIN.match(str(name))][:2]
    kind = f'[type="{_quoted(str(one["type"]))}"]' if one.get("type") else ""
    return "".join([str(one["tag"]), *(f".{name}" for name in classes), kind])
