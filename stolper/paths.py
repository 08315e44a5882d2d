"""Where the built browser files lie: beside the packages in a wheel, in the tree of a checkout."""

from __future__ import annotations

from pathlib import Path

import collector
import replay


def _folder(package: str | None) -> Path:
    assert package is not None  # regular packages have a file
    return Path(package).parent


def snippet_dir() -> Path:
    """Return the folder of loader and recorder. It may be missing: `make build` makes it."""
    shipped = _folder(collector.__file__) / "snippet"
    return shipped if shipped.is_dir() else _folder(collector.__file__).parent / "snippet" / "dist"


def player_dir() -> Path:
    """Return the folder of the built player. It may be missing: `make build` makes it."""
    return _folder(replay.__file__) / "player" / "dist"
