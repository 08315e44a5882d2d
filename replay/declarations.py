"""The declarations of a `style` attribute, for changes that name single properties (rrweb's own recorder)."""

from __future__ import annotations

import re
from typing import Any

# A declaration ends at a semicolon that stands in no string and no bracket.
_DECLARATION = re.compile(r"""(?:[^;"'()\\]|\\.|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|\([^()]*+\)|[("'\\)])++""", re.DOTALL)  # fmt: skip


def with_declarations(style: Any, changes: dict[str, Any]) -> str:
    """
    Return the attribute *style* with *changes* as rrweb tells them.

    Each is a value, a value with its priority as a list, or False: the property goes.
    """
    found: dict[str, str] = {}
    for match in _DECLARATION.finditer(style if isinstance(style, str) else ""):
        name, colon, value = match[0].partition(":")
        if colon:
            found[name.strip()] = value.strip()
    for name, value in changes.items():
        found.pop(name, None)
        if isinstance(value, list) and len(value) == 2:
            text, priority = value
            found[name] = f"{text} !{priority}" if priority else f"{text}"
        elif isinstance(value, str):
            found[name] = value
    return "".join(f"{name}: {value}; " for name, value in found.items()).rstrip()
