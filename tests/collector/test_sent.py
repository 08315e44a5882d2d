"""Snippets of earlier versions, in pages that are open or that bundle them, are heard as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.model import Site
from tests.collector.conftest import Start
from tests.core.support import NOON
from tests.held import held
from tools import sent

RELEASED = sorted(path.name for path in sent.FOLDER.iterdir())


def kept(folder: Path) -> tuple[dict[str, Any], list[bytes]]:
    """Return what was told of a version's batches when it was new, and the batches."""
    told: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return told, [path.read_bytes() for path in sorted(folder.glob("*.batch"))]


@pytest.mark.parametrize("version", RELEASED)
async def test_what_a_version_sent_is_heard_as_it_was(start: Start, version: str) -> None:
    """
    Each batch is answered 200, in words that the old snippet knows, and tells the same events.

    Sent once more, each is a duplicate: its identity is read as it was.
    """
    old, batches = kept(sent.FOLDER / version)
    collector = await start()
    await collector.store.add_site(
        Site(old["key"], version, (old["origin"],), old["mode"], old["privacy"], 1_800_000, NOON)
    )
    answers = []
    for batch in (*batches, *batches):
        answer = await collector.post(batch, old["key"], Origin=old["origin"])
        answers.append((answer.status, await answer.json()))
    new = await sent.told(collector.store)
    events = {event["type"] for one in old["sessions"].values() for event in one["events"]}

    assert [200] * 2 * len(batches) == [status for status, _ in answers]
    assert [True] * len(answers) == [told["ok"] and told["flush_ms"] > 0 for _, told in answers]
    statuses = [told["status"] for _, told in answers]

    assert "stored" == statuses[0]
    assert {"stored", "duplicate"} == set(
        statuses[: len(batches)]
    )  # what a beacon took comes twice
    assert {"duplicate"} == set(statuses[len(batches) :])
    assert [] == held(old["sessions"], new)
    assert {"click", "page", "custom", "request", "error"} <= events
