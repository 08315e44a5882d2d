"""What is embedded in an owner's pages: the loader's address, and the configuration inside it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

LOADER = re.compile(r"/s/([A-Za-z0-9_-]{1,64})\.js(\?|$)")


def configuration(script: str) -> dict[str, Any] | None:
    """Return the configuration inside the loader *script*; None if it is no loader of Stolper's."""
    for match in re.finditer(r'\{"key":"', script):
        with suppress(ValueError):
            found, _ = json.JSONDecoder().raw_decode(script, match.start())
            if {"mode", "privacy", "recorder"} <= found.keys():
                return dict(found)
    return None
