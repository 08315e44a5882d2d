"""Owns what a new rule begins with: one small file with examples for each kind of rule."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

KINDS = ("count", "sequence", "absence", "process")

_FOLDER = Path(__file__).parent / "starters"
_PLACEHOLDER = "my_rule"


def starter(kind: str, language: str, taken: Collection[str]) -> tuple[str, str]:
    """
    Return a free rule id, and the text of a file that declares a rule of that id.

    *taken* are the ids and file names (without .yaml) that there are. An unknown *kind* is
    the first one.
    """
    chosen = kind if kind in KINDS else KINDS[0]
    text = (_FOLDER / language / f"{chosen}.yaml").read_text(encoding="utf-8")
    free, number = _PLACEHOLDER, 2
    while free in taken:
        free, number = f"{_PLACEHOLDER}_{number}", number + 1
    return free, text.replace(_PLACEHOLDER, free)
