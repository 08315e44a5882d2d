"""Nothing but two options; they work when this folder is given on the command line."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--pages react,vue` (only those are visited) and `--photos FOLDER` (both are kept there)."""
    parser.addoption("--pages", default="", help="comma-separated pages of the fidelity corpus")
    parser.addoption("--photos", default="", help="folder for the photos of moments that differ")
