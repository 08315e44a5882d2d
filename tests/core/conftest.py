"""Stores to test: every implementation, opened on a fresh folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.sqlite import SqliteStore
from core.store import Store
from tests.core.support import SITE, ManualClock

Make = Callable[[Path, ManualClock], Store]

STORES: dict[str, Make] = {"sqlite": SqliteStore}


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at noon."""
    return ManualClock()


@pytest.fixture(params=sorted(STORES))
def make_store(request: pytest.FixtureRequest) -> Make:
    """Return the constructor of each implementation in turn."""
    return STORES[request.param]


@pytest.fixture
async def store(make_store: Make, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    """Return an open store that knows one site."""
    store = make_store(tmp_path / "data", clock)
    await store.open()
    await store.add_site(SITE)
    yield store
    await store.close()
