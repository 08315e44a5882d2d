"""What recordings name by hash is put back within bounds, whatever a stranger names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.model import Asset
from replay.assets import (
    MAX_BYTES,
    MAX_RULE_VALUES,
    MOST_REDIRECTED,
    MOST_TEXTS,
    Named,
    named_in,
    put_back,
    redirect,
)

TEXT = "a" * (MAX_BYTES // 8)
HASH = "0" * 32


class OneAsset:
    """A store that has one style sheet, *text*, under any hash; *asked* counts how often."""

    def __init__(self, text: str = TEXT) -> None:
        self._content = text.encode()
        self.asked = 0

    async def asset(self, site: str, hash_: str) -> Asset | None:
        """Return it."""
        self.asked += 1
        return Asset(hash_, "sheet", "text/css", self._content)


def change(**data: Any) -> dict[str, Any]:
    """Return an incremental event with *data*."""
    return {"type": 3, "timestamp": 5, "data": {"source": 0, **data}}


def custom(tag: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return an event of ours."""
    return {"type": 5, "timestamp": 1, "data": {"tag": tag, "payload": payload}}


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


async def test_rules_are_bounded_by_their_values() -> None:
    """A text of nothing but empty rules, named again and again, does not fill the memory."""
    dense = json.dumps([{}] * 300_000, separators=(",", ":"))
    each = dense.count(",") + dense.count("{") + 2
    styles = [{"styleId": nth, "rules": {"sha256": HASH}} for nth in range(20)]
    inline = [{"styleId": 99, "rules": dense}]
    event = change(source=15, id=1, styles=[*inline, *styles])
    named = named_in([event])
    await put_back(OneAsset(dense), "site", named)  # type: ignore[arg-type] -- the one method it needs

    made = sum(bool(style["rules"]) for style in event["data"]["styles"])
    assert MAX_RULE_VALUES // each == made


async def test_looks_into_the_store_are_bounded() -> None:
    """A recording that names hashes without end costs no more looks than some."""
    texts = [{"id": 1, "value": {"sha256": f"{nth:032x}"}} for nth in range(MOST_TEXTS + 7)]
    event, store = change(texts=texts), OneAsset("a{}")
    named = named_in([event])
    await put_back(store, "site", named)  # type: ignore[arg-type] -- the one method it needs

    assert MOST_TEXTS == store.asked
    assert 7 == len(named.missing)


def test_addresses_put_in_place_are_bounded() -> None:
    """Each address is longer than the shortest URL: a text full of those does not grow without end."""
    text = 'url("")' * (MOST_REDIRECTED + 5)
    event = change(texts=[{"id": 1, "value": text}])
    events = [custom("stolper.asset", {"url": "", "asset": {"sha256": HASH}}), event]
    named = named_in(events)
    redirect(events, named, lambda name: f"/{name}")

    assert MOST_REDIRECTED == event["data"]["texts"][0]["value"].count(HASH)


def test_what_is_of_a_wrong_type_breaks_nothing() -> None:
    """An attribute that is a list, and nodes inside a text, which nobody has checked."""
    image = {"type": 2, "id": 5, "tagName": "img", "attributes": {"src": []}, "childNodes": []}
    inner = {"id": [], "attributes": {"src": "u"}}
    text = {"type": 3, "id": 6, "textContent": "", "childNodes": [inner]}
    event = change(adds=[{"parentId": 1, "node": image}, {"parentId": 1, "node": text}])
    events = [
        custom("stolper.sizes", {"5": [3, 4]}),
        custom("stolper.asset", {"url": "u", "asset": {"sha256": HASH}}),
        event,
    ]
    named = named_in(events)
    redirect(events, named, lambda name: f"/{name}")

    assert {"src": [], "rr_width": "3px", "rr_height": "4px"} == image["attributes"]
    assert {"src": f"/{HASH}"} == inner["attributes"]
