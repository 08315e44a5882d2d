"""Compares what a version said with what a later one says: the later may say more, never other things."""

from __future__ import annotations

from typing import Any


def held(old: Any, new: Any, path: str = "") -> list[str]:
    """Return where *new* does not say what *old* did; it may say more."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            found
            for key in old
            for found in (
                held(old[key], new[key], f"{path}.{key}")
                if key in new
                else [f"{path}.{key} is gone"]
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for n, (a, b) in pairs for found in held(a, b, f"{path}[{n}]")]
    return [] if old == new else [f"{path}: {old!r} became {new!r}"]
