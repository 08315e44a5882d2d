"""What every test may use: Chromium, as the project runs it."""

from __future__ import annotations

import pytest

from stolper.chromium import chromium_flags, find_chromium

CHROMIUM_FLAGS = ["--no-sandbox", *chromium_flags()]  # tests run as root on a bare machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with a browser may fail once: the machine may have been busy. RERUN lines tell of it."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return Debian's Chromium."""
    found = find_chromium()
    assert found, "no Chromium on PATH; `make setup` installs it"
    return found
