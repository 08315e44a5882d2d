"""
What visitors do in frames of the page's own origin, and in text that is no field: told as elsewhere.
"""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Frame, Page

from tests.snippet.conftest import Collector, Open
from tests.snippet.test_clicks import outcomes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

INNER = """<!doctype html><html lang=en><body style="margin:0"><main>
<button id=inside onclick="out.textContent += 'x'">Pay 4711</button><b id=out></b>
<button id=above onclick="setTimeout(() => { parent.note.textContent += 'x' }, 50)">Above</button>
<button id=late onclick="fetch('status/500')">Late</button> <button id=opens onclick="alert('x')">O</button>
<button id=throws onclick="setTimeout(() => { throw new Error('of a frame') }, 20)">T</button>
<a id=file href="data:text/plain,x" download=x.txt>File</a> <button id=dead>Dead</button>
<div style="height:20px"></div><a id=next href="/next">Next</a>
<form id=pay><input id=name name=holder> <button id=send>Send</button></form>
</main></body></html>"""

PAGE = """<style>iframe { width: 420px; height: 150px; border: 7px solid; padding: 5px; display: block }</style>
<p id=note>note</p><button id=outside onclick="this.textContent += 'x'">Out</button>
<section data-stolper-ignore=near_miss><iframe id=frame src=/inner></iframe></section>
<div data-stolper=ignore><iframe id=quiet src=/quiet></iframe></div>
<iframe id=own src=/own></iframe><div data-stolper=mask><iframe id=written></iframe></div>"""

WRITE = """() => {
  const { body } = document.getElementById('written').contentDocument;
  body.innerHTML = '<button id=goes onclick="this.remove()">Goes</button>';
}"""
PATCHED = "[fetch, open, XMLHttpRequest.prototype.send].filter((one) => !/native/.test(one)).length"


async def frame(page: Page, name: str) -> Frame:
    element = await page.query_selector(f"#{name}")
    found = element and await element.content_frame()
    assert found, name
    return found


async def test_frames_of_the_own_origin_are_observed_as_the_page(
    collector: Collector, open_page: Open, tag: str
) -> None:
    """
    Presses, fields, keys, errors, requests and submits in a frame, also after it has led elsewhere.

    Positions and times are the page's; an answer may stand in either document; masks hold. Nothing
    is told of a frame in an ignored place, and nothing twice of one with a snippet of its own.
    Stopped, a frame has back what was patched in it.
    """
    collector.pages.update({"/inner": INNER, "/quiet": INNER})
    collector.pages["/next"] = INNER.replace("inside", "onward")
    collector.pages["/own"] = INNER.replace("<main>", tag + "<main>").replace("inside", "theirs")
    page = await open_page(PAGE)
    page.on("dialog", lambda dialog: dialog.accept())
    shown, quiet, own = [await frame(page, name) for name in ("frame", "quiet", "own")]
    await own.wait_for_function("window.stolper && window.stolper.running === true")
    await page.evaluate(WRITE)
    await shown.wait_for_function(PATCHED + " === 3")
    await page.wait_for_timeout(100)
    for key in ("inside", "above", "late", "throws", "opens", "file"):
        await shown.click(f"#{key}")
        await page.wait_for_timeout(120)
    await (await frame(page, "written")).click("#goes")
    await quiet.click("#throws")
    await own.click("#theirs")
    await shown.click("#name")
    await page.keyboard.type("Zq Geheim")
    await page.keyboard.press("Backspace")
    await page.click("#outside")
    await shown.click("#send")
    await shown.wait_for_url("**/inner?*")
    await shown.focus("#dead")
    for _ in range(3):
        await page.keyboard.press("x")
    await shown.click("#next")
    await shown.wait_for_url("**/next")
    await shown.wait_for_function(PATCHED + " === 3")
    await shown.click("#onward")
    await page.wait_for_timeout(200)
    await shown.evaluate("document.getElementById('name').value = 'abc'")
    await shown.click("#dead")
    clock = await page.evaluate("performance.now()")
    button = await shown.locator("#dead").bounding_box()
    found = await outcomes(page, collector)
    fields, errors, requests, forms, keys = (
        collector.events(kind) for kind in ("field", "error", "request", "form", "key")
    )
    [dead] = found["#dead"]
    [theirs] = found["#theirs"]

    assert {
        "#inside": "mutation",
        "#above": "mutation",
        "#opens": "dialog",
        "#file": "download",
        "#goes": "mutation",
        "#name": "focus",
        "#outside": "mutation",
        "#send": "navigation",
        "#next": "navigation",
        "#onward": "mutation",
        "#dead": None,
    } == {key: one.get("answer") for key, [one] in found.items() if key not in ("#late", "#throws", "#theirs")}  # fmt: skip
    assert ["main", "body", "html", "iframe", "section"] == [
        step["tag"] for step in dead["target"]["path"][1:6]
    ]
    assert ["near_miss"] == [step["ignore"] for step in dead["target"]["path"] if "ignore" in step]
    assert not any(dead.get(fact) for fact in ("media", "pending", "far", "refocus_ms", "miss_px"))
    assert button
    assert abs(dead["x"] - button["x"] - button["width"] / 2) <= 1
    assert abs(dead["page_y"] - button["y"] - button["height"] / 2) <= 1
    assert abs(dead["offset_x"] - button["width"] / 2) <= 1
    assert 0 <= clock - dead["t"] < 400
    assert ["Dead", "xxxx"] == [found[key][0]["target"]["label"] for key in ("#dead", "#goes")]
    assert theirs["page_load"] != dead["page_load"]
    assert [(10, 1, 8)] == [(one["keys"], one["deletions"], one["length"]) for one in fields]
    assert ["of a frame"] == [one["message"].split(": ")[1] for one in errors]
    assert [found["#throws"][0]["i"]] == [one["click"] for one in errors]
    assert [(500, found["#late"][0]["i"])] == [(one["status"], one["click"]) for one in requests]
    assert [("pay", "click", "navigated")] == [
        (one["form"], one["how"], one["outcome"]) for one in forms
    ]
    assert [("char", 3)] == [(one["class"], one["count"]) for one in keys]
    assert {} == {place: n for batch in collector.stored for place, n in batch.head["snippet"]["failed"].items()}  # fmt: skip
    set_by_script = [one["data"] for one in collector.recording() if one["data"].get("source") == 5]
    assert "•••" == set_by_script[-1]["text"]
    assert "Geheim" not in json.dumps([[one.head, one.recording] for one in collector.stored])
    await page.evaluate("stolper('stop')")
    assert 0 == await shown.evaluate(PATCHED)


EDITED = """<form id=review><p id=why class=error></p>
<div id=text contenteditable aria-required=true aria-describedby=why autocomplete=off>Zq <b>old</b></div>
<div id=nothing data-stolper=ignore contenteditable>x</div></form>
<iframe id=rich srcdoc="<body contenteditable id=body></body>"></iframe><button id=away>Away</button>"""


async def test_text_that_can_be_edited_is_a_field(collector: Collector, open_page: Open) -> None:
    """
    An element with contenteditable tells inputs, lengths, refills and refusals; never its text.

    So does the body of an editor in a frame; one in an ignored place tells nothing.
    """
    page = await open_page(EDITED)
    rich = await frame(page, "rich")
    await page.click("#text")
    await page.keyboard.press("Control+A")
    for _ in range(2):
        await page.keyboard.press("Backspace")
        await page.keyboard.type("Geheim")
        await page.keyboard.press("Control+A")
    await page.evaluate("why.textContent = 'Too short'")
    await page.click("#nothing")
    await page.keyboard.type("abc")
    await page.click("#text")
    await rich.click("body")
    await page.keyboard.type("Verborgen")
    await page.click("#away")
    await page.wait_for_timeout(150)
    assert await page.evaluate("stolper('flush')") is True
    first, again, last = [
        {name: one.get(name) for name in ("form", "field", "input_type", "required", "keys", "lengths", "length",
                                          "refills", "returns", "changed", "invalid_flags", "cause")}
        for one in collector.events("field")
    ]  # fmt: skip

    assert {
        "form": "review", "field": "text", "input_type": "contenteditable", "required": True, "keys": 14,
        "lengths": [6, 0, 6, 0, 6], "length": 6, "refills": 1, "returns": 0, "changed": True,
        "invalid_flags": ["message"], "cause": "blur",
    } == first  # fmt: skip
    assert (0, 1, 1, ["message"]) == (
        again["keys"],
        again["returns"],
        again["refills"],
        again["invalid_flags"],
    )
    assert (None, "body", 9, [0, 9]) == (last["form"], last["field"], last["keys"], last["lengths"])
    told = json.dumps([[one.head, one.recording] for one in collector.stored])
    assert not any(word in told for word in ("Geheim", "Verborgen", "old"))
