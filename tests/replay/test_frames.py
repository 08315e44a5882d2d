"""Links between recordings come from strangers' browsers: only what may be one is told, and not too many."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from replay.frames import MOST_LINKS, frame_links

GOOD = {
    "node": 7,
    "frame_session": "s" * 36,
    "frame_load": "l" * 22,
    "origin": "https://pay.example",
}


class Told:
    """A store whose one session told *events*."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._events = events

    async def batches(self, session: str) -> list[Any]:
        """Return them as one batch."""
        usual = {"type": "frame", "page_load": "here", "ts": 1}
        return [SimpleNamespace(events=[{**usual, **event} for event in self._events])]


@pytest.mark.parametrize(
    ("change", "links"),
    [
        ({}, 1),
        ({"frame_load": "../../loads/aaaaaaaa"}, 0),
        ({"frame_load": ".."}, 0),
        ({"frame_session": "s" * 22 + "/x"}, 0),
        ({"frame_session": "s" * 5000}, 0),
        ({"node": "7"}, 0),
    ],
)
async def test_only_ids_are_links(change: dict[str, Any], links: int) -> None:
    """The player makes an address of a link: what is no id would lead elsewhere."""
    store: Any = Told([{**GOOD, **change}])

    assert links == len(await frame_links(store, "session", "here"))


async def test_links_are_bounded() -> None:
    """A page that tells of frames without end does not make the player look through them all."""
    store: Any = Told([GOOD] * (MOST_LINKS + 5))

    assert MOST_LINKS == len(await frame_links(store, "session", "here"))
