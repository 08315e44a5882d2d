"""
A rule file with a session, judged by engine and oracle, and put into one shape to compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.detector.oracle.evaluate import OracleFlag
from tests.detector.oracle.random_rules import Node, rule_file, text_of
from tests.detector.oracle.random_streams import START, Stream, stream

# Rule, group, nth, ms after the start, severity, hits, captures, evidence.
Seen = tuple[Any, ...]


@dataclass
class Pair:
    """What is judged."""

    seed: int
    file: Node
    stream: Stream

    @property
    def text(self) -> str:
        """Return the rule file as YAML."""
        return text_of(self.file)


def pair(seed: int) -> Pair:
    """Return the pair of *seed*."""
    return Pair(seed, rule_file(seed), stream(seed))


def of_oracle(pair_: Pair, found: Iterable[OracleFlag]) -> list[Seen]:
    """Return the standing flags of the oracle."""
    return sorted(
        (
            f.rule, f.group, f.nth, f.at - START, f.severity, hits_of(pair_, f.rule, f.hits),
            tuple(sorted(f.captures.items())), tuple(sorted(f.evidence)),
        )
        for f in found
        if not f.withdrawn
    )  # fmt: skip


def of_engine(pair_: Pair, found: Iterable[Any]) -> list[Seen]:
    """Return the flags of the engine (`detector.engine.flags`)."""
    return sorted(
        (
            f.rule.id, f.group, f.nth, f.at - START, f.severity, hits_of(pair_, f.rule.id, f.hits),
            tuple(sorted(f.captures.items())),
            tuple(sorted((m.page_load, m.i) for m in f.marks if m.page_load is not None)),
        )
        for f in found
    )  # fmt: skip


def hits_of(pair_: Pair, rule: str, hits: int) -> int:
    """Return *hits*; 0 where a suppressing rule may share them, which the text leaves open."""
    return 0 if any(rule in r.get("suppresses", ()) for r in pair_.file["rules"]) else hits
