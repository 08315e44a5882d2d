"""
Reads the section `score` of rule files: what is critical, and what is a goal.

What a later file gives replaces the same key of the files before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from detector.errors import did_you_mean
from detector.nodes import Map, Node
from detector.read_where import read_matcher
from detector.rule import Goal, Scoring
from detector.scope import Scope, as_map, as_name, as_seq, as_texts, check_keys
from detector.spec import CRITICAL_KEYS, GOAL_KEYS, SCORE_KEYS


def read_score(
    sections: Iterable[tuple[Scope, Node]], processes: Collection[str], rules: Collection[str]
) -> Scoring | None:
    """Return what *sections* come to, each with its file's scope; None if there are none."""
    found: Scoring | None = None
    for scope, node in sections:
        block = as_map(scope, node, "'score'")
        if block is not None:
            found = _read(scope, block, found or Scoring(), processes, rules)
    return found


def _read(
    scope: Scope,
    block: Map,
    before: Scoring,
    processes: Collection[str],
    rules: Collection[str],
) -> Scoring:
    check_keys(scope, block, SCORE_KEYS, "'score'")
    critical_node, goals_node = block.get("critical"), block.get("goals")
    critical = as_map(scope, critical_node, "'critical'") if critical_node else None
    if critical is not None:
        check_keys(scope, critical, CRITICAL_KEYS, "'critical'")
        path, process = critical.get("path"), critical.get("process")
        if path is not None:
            before = replace(before, critical_paths=as_texts(scope, path, "a path"))
        if process is not None:
            names = as_texts(scope, process, "a process")
            for name in names:
                if name not in processes:
                    hint = did_you_mean(name, processes, label="Processes")
                    scope.error(process, f"there is no process '{name}'. {hint or 'Remove it.'}")
            before = replace(before, critical_processes=names)
    if goals_node is not None:
        goals = tuple(_goal(scope, item, rules) for item in as_seq(scope, goals_node, "'goals'"))
        before = replace(before, goals=goals)
    return before


def _goal(scope: Scope, node: Node, rules: Collection[str]) -> Goal:
    matcher = read_matcher(scope, node, GOAL_KEYS)
    named = node.get("rules") if isinstance(node, Map) else None
    if named is None:
        return Goal(matcher)
    names = as_seq(scope, named, "'rules'")
    known = [as_name(scope, item, "rule", rules) for item in names]
    return Goal(matcher, tuple(name for name in known if name is not None))
