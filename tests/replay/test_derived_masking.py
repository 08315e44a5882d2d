"""What of another tool's recording is kept: docs/privacy.md, class by class, with a canary in each place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.model import Privacy
from replay.derived.masking import Masker
from replay.derived.policy import Policy
from replay.derived.select import selectors
from tests.replay.foreign import Page

TEXT = "Canarybird"
DIGITS = f"{TEXT} 4711"
PLACES: dict[str, tuple[Any, str]] = {
    # where the canary stands: the presets under which it is shown
    "paragraph": (["p", {}, TEXT], "open"),
    "button": (["button", {}, TEXT], "standard open"),
    "button with digits": (["button", {}, DIGITS], "open"),
    "heading": (["h2", {}, TEXT], "standard open"),
    "link in content": (["a", {"href": "/"}, TEXT], "open"),
    "link in navigation": (["nav", {}, ["a", {"href": "/"}, TEXT]], "standard open"),
    "option": (["select", {}, ["option", {}, TEXT]], "open"),
    "label": (["label", {}, TEXT], "standard open"),
    "table cell": (["td", {}, TEXT], "open"),
    "editor": (["div", {"contenteditable": "true"}, TEXT], ""),
    "text area": (["textarea", {}, TEXT], ""),
    "noscript": (["noscript", {}, TEXT], ""),
    "script": (["script", {}, TEXT], ""),
    "value": (["input", {"value": TEXT}], ""),
    "hidden value": (["input", {"type": "hidden", "value": TEXT}], ""),
    "password": (["input", {"type": "password", "value": TEXT}], ""),
    "value of a button": (["input", {"type": "submit", "value": TEXT}], "standard open"),
    "placeholder": (["input", {"placeholder": TEXT}], "open"),
    "title of a button": (["button", {"title": TEXT}, "x"], "standard open"),
    "title of a paragraph": (["p", {"title": TEXT}], "open"),
    "own attribute": (["p", {"data-person": TEXT}], "open"),
    "handler": (["p", {"onclick": f"go('{TEXT}')"}], ""),
    "srcdoc": (["iframe", {"srcdoc": TEXT}], ""),
    "query of a link": (["a", {"href": f"/a?name={TEXT}"}, "x"], ""),
    "query of a picture": (["img", {"src": f"/a.png?name={TEXT}"}], ""),
    "mail": (["a", {"href": f"mailto:{TEXT}@b.example"}, "x"], ""),
    "mail in a path": (["a", {"href": f"/user/{TEXT}@b.example"}, "x"], ""),
    "class": (["p", {"class": f"{TEXT}@b.example"}], ""),
    "string of a sheet": (["style", {"_cssText": f'p::after{{content:"{TEXT}"}}'}], "open"),
    "comment of a sheet": (["style", {"_cssText": f"/* {TEXT} */ p{{}}"}], ""),
    "url of a sheet": (["style", {"_cssText": f"p{{background:url(/a?n={TEXT})}}"}], ""),
    "picture of a canvas": (["canvas", {"rr_dataURL": f"data:,{TEXT}"}], "open"),
    "masked area": (["div", {"data-stolper": "mask"}, ["button", {}, TEXT]], ""),
    "released area": (["div", {"data-stolper": "unmask"}, ["p", {}, TEXT]], "strict standard open"),
    "blocked area": (["div", {"data-stolper": "block"}, ["button", {}, TEXT]], ""),
    "by the option mask": (["div", {"class": "own-masked"}, ["button", {}, TEXT]], ""),
    "by the option block": (["div", {"class": "own-blocked"}, ["button", {}, TEXT]], ""),
}  # fmt: skip
KINDS = [None, "strict", "standard", "open"]


def masked(page: Page, privacy: Privacy, *, trusted: bool = False) -> str:
    """Return what is kept of *page*, as text."""
    masks, _ = selectors(".own-masked")
    blocks, _ = selectors("div > .none, .own-blocked")
    policy = Policy(privacy, trusted=trusted, masked=masks, blocked=blocks)
    return json.dumps([*Masker(policy).masked(page.events)])


@pytest.mark.parametrize("privacy", ["strict", "standard", "open"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_kept(place: str, privacy: Privacy) -> None:
    """In a snapshot and where it comes later, a text is kept exactly under the presets that release it."""
    node, shown = PLACES[place]
    later = Page(["main", {"id": "main"}])
    later.add("main", 1000, node)

    expected = privacy in shown.split()
    assert expected == (TEXT in masked(Page(["main", {}, node]), privacy))
    assert expected == (TEXT in masked(later, privacy))


@pytest.mark.parametrize("privacy", ["strict", "standard", "open"])
def test_what_changes_later(privacy: Privacy) -> None:
    """Values, texts and attributes that change are masked as those of a snapshot; so is the title."""
    page = Page(["p", {"id": "p"}, "x"], ["input", {"id": "mail"}])
    page.input("mail", TEXT + "1", 1000)
    page.text("p", TEXT + "2", 1100)
    page.attribute("p", 1200, data_name=TEXT + "3")
    page.attribute("mail", 1300, value=TEXT + "4")
    page.text("title", TEXT + "5", 1400)
    kept = masked(page, privacy)
    shown = [number for number in "12345" if TEXT + number in kept]

    assert (["2", "3", "5"] if privacy == "open" else []) == shown


def test_what_is_no_picture_goes() -> None:
    """Custom events, plugins, drawings and the query of the page's address are not kept."""
    page = Page(["p", {}, "x"], href=f"https://shop.example/a?name={TEXT}#{TEXT}")
    page.custom("user", {"name": TEXT}, 1000)
    page.plugin("rrweb/console@1", {"payload": [TEXT]}, 1000)
    page.change(9, 1000, id=1, type=0, commands=[{"property": "fillText", "args": [TEXT]}])
    kept = masked(page, "standard")

    assert TEXT not in kept
    assert "https://shop.example/a?name=" in kept


def test_length_stays() -> None:
    """A masked text has its length and its spaces."""
    kept = masked(Page(["p", {}, "Two words"]), "standard")

    assert '"xxx xxxxx"' in kept


def test_trusted_masking() -> None:
    """Where the owner trusts the tool's masking, texts are kept; passwords, handlers and queries are not."""
    kept = {
        place for place, (node, _) in PLACES.items()
        if TEXT in masked(Page(["main", {}, node]), "standard", trusted=True)
    }  # fmt: skip

    assert {"paragraph", "button with digits", "value", "placeholder", "own attribute"} <= kept
    assert not {"password", "handler", "srcdoc", "script", "blocked area"} & kept


def test_an_unknown_selector_masks_all() -> None:
    """A site's option with a selector that cannot be told here makes everything strict."""
    page = Page(["button", {}, TEXT])
    policy = Policy("standard", unsure=not selectors("p:hover ~ div")[1])

    assert TEXT not in json.dumps([*Masker(policy).masked(page.events)])
