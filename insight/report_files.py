"""
Reads report files: which numbers a report shows, of which span, for whom. Pure.

Owns the keys of these files, and what is refused in them, with file, line and what to write instead. What the
numbers come to is insight/reports.py's.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from core.events import load_schema
from core.model import ROLES
from core.search import Find, read
from detector.errors import Problems
from detector.nodes import Map, Node, parse
from detector.scope import (
    Exhausted,
    Scope,
    as_bool,
    as_int,
    as_localized,
    as_map,
    as_name,
    as_seq,
    as_text,
    as_texts,
    check_keys,
)
from detector.spec import Key

Kind = Literal["number", "cost", "funnel", "struggles", "effort", "fixes", "health"]
KINDS: tuple[Kind, ...] = get_args(Kind)

OF_PROCESS: tuple[Kind, ...] = ("cost", "funnel", "effort")
"""Kinds whose value names a process."""

Number = Literal["sessions", "struggled", "hard", "entered", "completed", "value"]
NUMBERS: tuple[Number, ...] = get_args(Number)
OF_WAY: tuple[Number, ...] = ("entered", "completed", "value")
"""Numbers that need a process."""

ALL = "all"
"""In place of a process: each that there is."""

SPAN_DAYS, MOST_DAYS = 7, 90
MOST_BLOCKS, MOST_ROWS = 20, 20
"""A report is read on one page; and each block costs a moment."""

_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")

FILE_KEYS = {
    "version": Key("1", "version of the language", required=True),
    "reports": Key("name: report", "the reports", required=True),
}
REPORT_KEYS = {
    "title": Key("text or {de, en}", "what people read", required=True),
    "span": Key("days", "how many whole days it tells of, 1 to 90", "7"),
    "live": Key("bool", "it tells of the time up to now: a dashboard", "false"),
    "roles": Key("list of role", "who sees it: owner, analyst, support, viewer", "all"),
    "start_for": Key("list of role", "whose start page it is", "nobody's"),
    "site": Key("name", "the site that it is of, unless the reader chooses", "all"),
    "blocks": Key("list of block", "what it shows, in order", required=True),
}
BLOCK_KEYS = {
    "number": Key("|".join(NUMBERS), "one number, beside that of the span before"),
    "cost": Key("process or all", "completions that are lacking where a struggle was met"),
    "funnel": Key("process or all", "how many came how far"),
    "struggles": Key("count", "what most sessions met"),
    "effort": Key("process or all", "how hard it was"),
    "fixes": Key("count", "what came of fixes"),
    "health": Key("true", "how completely visits were recorded"),
    "process": Key("process", "which one a number is of"),
    "title": Key("text or {de, en}", "what people read above it", "by its kind"),
    "filter": Key("search", "which sessions count, in the words of the search field"),
}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a report. *process* may be ALL; *most* are the rows of a list."""

    kind: Kind
    number: Number = "sessions"
    process: str = ""
    most: int = 5
    title: Mapping[str, str] = field(default_factory=dict)
    find: Find = field(default_factory=Find)
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as its file declares it. No *roles*: all. *live* ones are of the time up to now."""

    id: str
    title: Mapping[str, str]
    blocks: tuple[Block, ...]
    span_days: int = SPAN_DAYS
    live: bool = False
    roles: tuple[str, ...] = ()
    start_for: tuple[str, ...] = ()
    site: str = ""
    file: str = ""

    def is_for(self, role: str) -> bool:
        """Say whether people of *role* see it."""
        return not self.roles or role in self.roles


def shipped_reports() -> Path:
    """Return the folder of the reports that come with Stolper."""
    found = importlib.util.find_spec("reports")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the shipped reports are not installed (package 'reports')")
    return Path(next(iter(found.submodule_search_locations)))


def read_reports(name: str, text: str) -> tuple[list[Report], list[str]]:
    """Return the reports of the file *name*, or none and why it cannot be in force: each error with its place."""
    problems = Problems()
    reports: list[Report] = []
    try:
        root = parse(name, text, problems)
        if root is not None:
            reports = _reports(Scope(problems, _schema()), root, name)
    except Exhausted:
        pass
    wrong = [str(issue) for issue in problems.issues if issue.level == "error"]
    return ([] if wrong else reports), wrong


_schema = lru_cache(maxsize=1)(load_schema)


def _reports(scope: Scope, root: Map, name: str) -> list[Report]:
    check_keys(scope, root, FILE_KEYS, "a report file")
    if (version := root.get("version")) is not None:
        as_int(scope, version, "version", 1, 1)
    node = root.get("reports")
    declared = as_map(scope, node, "'reports'") if node is not None else None
    found = []
    for key, value in declared.entries if declared is not None else ():
        if not _ID.fullmatch(key.text):
            scope.error(
                key, "a report's name is small letters, digits, - and _. Write weekly, for example."
            )
        elif (block := as_map(scope, value, f"the report '{key.text}'")) is not None:
            found.append(_report(scope, key.text, block, name))
    return found


def _report(scope: Scope, id_: str, node: Map, file: str) -> Report:
    check_keys(scope, node, REPORT_KEYS, f"the report '{id_}'")
    title, span, live, site = (node.get(one) for one in ("title", "span", "live", "site"))
    blocks = node.get("blocks")
    items = as_seq(scope, blocks, "'blocks'") if blocks is not None else ()
    if len(items) > MOST_BLOCKS and blocks is not None:
        scope.error(blocks, f"a report has at most {MOST_BLOCKS} blocks. Make two of it.")
    read_blocks = [_block(scope, item) for item in items[:MOST_BLOCKS]]
    return Report(
        id_,
        as_localized(scope, title, "a title") if title is not None else {},
        tuple(one for one in read_blocks if one is not None),
        (as_int(scope, span, "span", 1, MOST_DAYS) if span is not None else None) or SPAN_DAYS,
        bool(live is not None and as_bool(scope, live, "live")),
        _roles(scope, node.get("roles")),
        _roles(scope, node.get("start_for")),
        (as_text(scope, site, "a site") if site is not None else None) or "",
        file,
    )


def _roles(scope: Scope, node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(one for one in as_texts(scope, node, "a role") if _is_role(scope, node, one))


def _is_role(scope: Scope, node: Node, name: str) -> bool:
    if name not in ROLES:
        scope.error(node, f"there is no role '{name}'. Roles are {', '.join(ROLES)}.")
    return name in ROLES


def _block(scope: Scope, item: Node) -> Block | None:
    node = as_map(scope, item, "a block")
    if node is None:
        return None
    check_keys(scope, node, BLOCK_KEYS, "a block")
    kinds = [one for one in KINDS if node.get(one) is not None]
    if len(kinds) != 1:
        scope.error(node, f"a block shows one thing. Write one of {', '.join(KINDS)}.")
        return None
    [kind] = kinds
    number, process, most = _shown(scope, node, kind)
    title, asked = node.get("title"), node.get("filter")
    words = (as_text(scope, asked, "a filter") if asked is not None else None) or ""
    if words and kind in ("struggles", "fixes", "health"):
        scope.error(node, f"'{kind}' counts flags or days, and takes no filter. Leave it out.")
    return Block(
        kind,
        number,
        process,
        most,
        as_localized(scope, title, "a title") if title is not None else {},
        read(words) if words else Find(),
        words,
    )


def _shown(scope: Scope, node: Map, kind: Kind) -> tuple[Number, str, int]:
    """Return which number, of which process, and how many rows."""
    value, named = node.get(kind), node.get("process")
    assert value is not None
    process = (as_text(scope, named, "a process") if named is not None else None) or ""
    if named is not None and kind != "number":
        scope.error(
            named,
            f"'process' stands beside 'number' only. Write '{kind}: PROCESS', or leave it out.",
        )
    if kind == "number":
        text = as_name(scope, value, "number", NUMBERS)
        number = next((one for one in NUMBERS if one == text), NUMBERS[0])
        if number in OF_WAY and (not process or process == ALL):
            scope.error(node, f"'{number}' is of one process. Write 'process: NAME' beside it.")
        return number, process, 0
    if kind in OF_PROCESS:
        return NUMBERS[0], as_text(scope, value, "a process") or ALL, 0
    if kind == "health":
        if as_bool(scope, value, "health") is False:
            scope.error(value, "'health' is true. Leave the block out where it is not wanted.")
        return NUMBERS[0], "", 0
    return NUMBERS[0], "", as_int(scope, value, kind, 1, MOST_ROWS) or 5
