"""Prints the fault table when all is done."""

from __future__ import annotations

import pytest

from tests.e2e.faults import table


def pytest_sessionfinish(session: pytest.Session) -> None:
    if table.ROWS and session.config.getoption("capture") == "no":
        print(f"\n\n{table.text()}")
