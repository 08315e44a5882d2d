"""
Rule files as texts: what is in force, and the same with a draft in place of one of them.

Owns which file a draft stands for. Reading them together is detector/loader.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from core.events import EventSchema, load_schema
from detector.errors import Problems
from detector.files import rule_files
from detector.loader import Library
from detector.nodes import Map, Scalar, Seq, parse
from detector.rule import RuleSet


@dataclass(frozen=True, slots=True)
class RuleText:
    """
    A rule file. *name* is what messages call it, *group* counts the folders it comes from.

    Later groups may override the rules of earlier ones.
    """

    name: str
    text: str
    group: int = 0


def read_texts(paths: Sequence[Path]) -> tuple[RuleText, ...]:
    """Return the files of *paths* (files or folders), in the order in which they are read."""
    return tuple(
        RuleText(str(file), file.read_text(encoding="utf-8"), group)
        for group, path in enumerate(paths)
        for file in rule_files(path)
    )


def with_draft(texts: Sequence[RuleText], name: str, text: str) -> tuple[RuleText, ...]:
    """
    Return *texts* with *text* in place of the file called *name* (its folder does not count).

    A file of the last folder goes before one of an earlier one; a new name is added behind.
    """
    before = replaced_by(texts, name)
    if before is None:
        group = max((known.group for known in texts), default=-1) + 1
        return (*texts, RuleText(name, text, group))
    return tuple(RuleText(name, text, known.group) if known is before else known for known in texts)


def replaced_by(texts: Sequence[RuleText], name: str) -> RuleText | None:
    """Return the file of *texts* that a draft called *name* stands for."""
    wanted = PurePath(name).name
    return next((t for t in reversed(texts) if PurePath(t.name).name == wanted), None)


def load_texts(texts: Sequence[RuleText], *, schema: EventSchema | None = None) -> RuleSet:
    """Return the rules of *texts*. Raise RuleErrors with every error of every file."""
    problems = Problems()
    library = Library(problems, schema or load_schema())
    for item in texts:
        library.add_text(item.name, item.text, group=item.group)
    found = library.rule_set()
    problems.raise_if_failed()
    return found


def named_in(text: str) -> frozenset[str]:
    """Return the ids of the rules that the file *text* declares or overrides."""
    root = parse("file", text, Problems())
    found: set[str] = set()
    for section, key in (("rules", "id"), ("overrides", "rule")):
        items = root.get(section) if root is not None else None
        for item in items.items if isinstance(items, Seq) else ():
            name = item.get(key) if isinstance(item, Map) else None
            if isinstance(name, Scalar):
                found.add(name.text)
    return frozenset(found)
