"""What recordings name by hash is put back within bounds, whatever a stranger names."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Asset
from replay.assets import MAX_BYTES, Named, named_in, put_back, redirect

TEXT = "a" * (MAX_BYTES // 8)
HASH = "0" * 32


class OneAsset:
    """A store that has one style sheet, under any hash."""

    async def asset(self, site: str, hash_: str) -> Asset | None:
        """Return it."""
        return Asset(hash_, "sheet", "text/css", TEXT.encode())


async def test_what_is_put_back_is_bounded() -> None:
    """A small chunk that names a large sheet a hundred times is no bomb: what is too much is missing."""
    sheets = [{"tagName": "link", "attributes": {"_cssText": {"sha256": HASH}}} for _ in range(100)]
    event: dict[str, Any] = {
        "type": 2,
        "timestamp": 5,
        "data": {"node": {"type": 0, "childNodes": sheets}},
    }
    named = named_in([event])
    await put_back(OneAsset(), "site", named)  # type: ignore[arg-type] -- the one method it needs

    texts = [sheet["attributes"]["_cssText"] for sheet in sheets]  # type: ignore[index] -- as made above
    assert (8, 92) == (texts.count(TEXT), texts.count(""))
    assert 92 == len(named.missing)


@pytest.mark.parametrize(
    "payload",
    [None, 7, {}, {"url": 1, "asset": {"sha256": HASH}}, {"url": "u", "asset": {"sha256": "../x"}},
     {"url": "u", "asset": HASH}, {"node": "x", "asset": {"sha256": HASH}}],
)  # fmt: skip
def test_what_names_nothing_is_passed_over(payload: Any) -> None:
    """Events of ours in a wrong shape change nothing."""
    events = [{"type": 5, "timestamp": 1, "data": {"tag": "stolper.asset", "payload": payload}}]
    named = named_in(events)
    redirect(events, named, lambda name: f"/{name}")

    assert Named() == named
