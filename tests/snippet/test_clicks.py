"""
Click outcomes: what a press is told to have led to, for widgets that answer and for dead ones.

Each element is pressed with a real mouse. An answer has to be told where a visitor sees one, and
none where nothing happens, whatever else moves on the page.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.snippet.conftest import Collector, Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="session"),
]

Click = dict[str, Any]
FINAL_MS = 2700  # the outcome is final 2500 ms after the press

STYLE = (
    "<style>.row{height:40px} .ptr{cursor:pointer;background:#ddd;display:inline-block}"
    ".menu .sub{visibility:hidden} .menu:focus-within .sub{visibility:visible}"
    "#hack:checked ~ .drawer{display:block} .drawer{display:none}"
    ".hov .tip{opacity:0;transition:opacity .3s} .hov:hover .tip{opacity:1}"
    ".off{pointer-events:none;opacity:.5}</style>"
)


async def press(page: Page, selector: str, times: int = 1, gap_ms: int = 150) -> None:
    """Press the centre of *selector*, at most 40 px from its left edge."""
    box = await page.locator(selector).bounding_box()
    assert box, selector
    await page.mouse.move(box["x"] + min(40, box["width"] / 2), box["y"] + box["height"] / 2)
    for nth in range(times):
        if nth:
            await asyncio.sleep(gap_ms / 1000)
        await page.mouse.down()
        await page.mouse.up()


async def outcomes(
    page: Page, collector: Collector, wait_ms: int = FINAL_MS
) -> dict[str, list[Click]]:
    """Return the click events by target key, in order, *wait_ms* later: by then they are final."""
    await page.wait_for_timeout(wait_ms)
    assert await page.evaluate("stolper('flush')") is True
    found: dict[str, list[Click]] = {}
    for click in sorted(collector.events("click"), key=lambda one: one["i"]):
        found.setdefault(click["target"]["key"], []).append(click)
    return found


ANSWERED: dict[str, tuple[str, str]] = {
    # id: markup with its script, kind of answer
    "text": ("<button id=text onclick=\"textn.textContent++\">+</button><b id=textn>1</b>", "mutation"),
    "down": ("<button id=down onmousedown=\"downn.textContent+='x'\">M</button><b id=downn></b>", "mutation"),
    "value": ("<button id=value onclick='valuen.value++'>+</button><input id=valuen value=1>", "value"),
    "box": ("<label id=box>Box <input type=checkbox></label>", "focus"),
    "toast": (
        "<button id=toast onclick=\"document.body.insertAdjacentHTML('beforeend',"
        "'<div style=position:fixed>Saved</div>')\">T</button>",
        "inserted",
    ),
    "theme": ("<button id=theme onclick=\"document.documentElement.classList.toggle('dark')\">D</button>", "mutation"),
    "copied": (
        "<button id=copied onclick=\"this.textContent='Copied';"
        "setTimeout(() => this.textContent='Copy', 800)\">Copy</button>",
        "mutation",
    ),
    "frame": ("<button id=frame onclick=\"requestAnimationFrame(() => { framen.textContent='x' })\">F</button><b id=framen></b>", "mutation"),
    "clip": ("<button id=clip onclick=\"navigator.clipboard.writeText('x').catch(() => {})\">C</button>", "clipboard"),
    "opens": ("<button id=opens onclick=\"window.open('/empty').close()\">O</button>", "open"),
    "blank": ("<a id=blank target=_blank href=/empty>docs</a>", "open"),
    "load": (
        "<button id=load onclick=\"const a = document.createElement('a');"
        " a.href = window.URL.createObjectURL(new Blob(['x'])); a.download = 'x.csv'; a.click()\">L</button>",
        "download",
    ),
    "file": ("<input id=file type=file>", "file"),
    "list": ("<select id=list><option>a<option>b</select>", "visual"),
    "focus": ("<div class=menu><button id=focus>CSS</button><i class=sub>items</i></div>", "visual"),
    "hackl": ("<input id=hack type=checkbox hidden><label id=hackl for=hack>Menu</label><div class=drawer>items</div>", "value"),
    "fold": ("<details><summary id=fold>More</summary>text</details>", "mutation"),
    "modal": ("<button id=modal onclick='dlg.show()'>M</button><dialog id=dlg>hi</dialog>", "dialog"),
    "pop": ("<button id=pop popovertarget=popn>P</button><div id=popn popover>hi</div>", "dialog"),
    "hash": ("<a id=hash href=#row-hash>Jump</a>", "navigation"),
    "route": ("<button id=route onclick=\"history.pushState({}, '', '/elsewhere')\">R</button>", "navigation"),
    "tone": (
        "<button id=tone onclick=\"const c = new AudioContext(), o = c.createOscillator();"
        " o.connect(c.destination); o.start()\">T</button>",
        "media",
    ),
    "print": ("<button id=print onclick='window.print()'>P</button>", "print"),
    "sort": (
        "<button id=sort onclick='sorted.append(sorted.firstElementChild)'>S</button>"
        "<ul id=sorted style='display:inline-block;margin:0'><li>a<li>b</ul>",
        "mutation",
    ),
    "edit": ("<input id=edit value=x>", "focus"),
    "reset": ("<form><input id=resetn value=a><button id=reset type=reset>R</button></form>", "value"),
    "slide": (
        "<div id=slide class=ptr onpointerdown=\"this.style.background = 'red'\">slider</div>",
        "mutation",
    ),
}  # fmt: skip

DEAD: dict[str, str] = {
    "dead": "<button id=dead>Dead</button>",
    "deaddiv": "<div id=deaddiv class=ptr>Dead</div>",
    "same": '<span id=host><button class=rr onclick="host.innerHTML = host.innerHTML">Again</button></span>',
    "equal": "<button id=equal onclick=\"this.className = this.className; equaln.textContent = 'x'\">E</button><b id=equaln>x</b>",
    "ripple": (
        "<button id=ripple onmousedown=\"const s = document.createElement('span'); this.append(s);"
        " this.classList.add('down'); setTimeout(() => { s.remove(); this.classList.remove('down') }, 500)\">R</button>"
    ),
    "unseen": "<button id=unseen onclick=\"document.body.insertAdjacentHTML('beforeend', '<i hidden>x</i>')\">U</button>",
    "script": "<button id=script onclick=\"document.head.append(document.createElement('style'))\">S</button>",
    "hover": "<div class='hov ptr' id=hover>Card<span class=tip>tip</span></div>",
    "dis": "<button id=dis disabled><b>Disabled</b></button>",
    "fieldset": "<fieldset disabled style='display:inline'><button id=infield>F</button></fieldset>",
    "off": "<button id=off class=off>Off</button>",
    "aria": "<button id=aria aria-disabled=true>Aria</button>",
    "inertb": "<span inert><button id=inertb>Inert</button></span>",
}


def rows(parts: dict[str, str]) -> str:
    return STYLE + "".join(
        f"<div class=row id=row-{key}>{part}</div>" for key, part in parts.items()
    )


async def test_answers_are_told_by_kind(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """Every widget that answers is told to have answered, with the kind of the answer."""
    collector.pages["/empty"] = "<p>empty</p>"
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await open_page(rows({key: markup for key, (markup, _) in ANSWERED.items()}))
    for key in ANSWERED:
        await press(page, f"#{key}")
        await page.wait_for_timeout(130)
        if key in ("blank", "list", "pop"):
            await page.bring_to_front()
            await page.keyboard.press("Escape")
    found = await outcomes(page, collector)
    told = {key: found[f"#{key}"][0].get("answer") for key in ANSWERED if key != "box"}
    told["box"] = next(iter(c for k, c in found.items() if "box" in k.lower()))[0].get("answer")

    assert {key: kind for key, (_, kind) in ANSWERED.items()} == told


async def test_dead_controls_are_told_without_an_answer(
    collector: Collector, open_page: Open
) -> None:
    """Dead, disabled, rippling and re-rendered controls are not answered, though pressed thrice."""
    page = await open_page(rows(DEAD))
    await page.wait_for_timeout(600)
    for key in DEAD:
        await press(page, f"#row-{key} > :first-child", times=3)
        await page.wait_for_timeout(150)
    found = await outcomes(page, collector)
    clicks = [click for group in found.values() for click in group]
    reasons = {
        key: click["target"].get("disabled_why")
        for key, [click, *_] in found.items()
        if click["target"].get("disabled")
    }

    assert len(clicks) == 3 * len(DEAD)
    assert [] == [(c["target"]["key"], c["answer"]) for c in clicks if "answer" in c]
    assert all(click["target"]["interactive"] for click in clicks)
    assert found["#ripple"][0]["feedback_ms"] <= 1000
    assert reasons == {
        "#dis": "attribute",
        "#infield": "fieldset",
        "#off": "pointer_events",
        "#aria": "aria",
        "#inertb": "inert",
    }


TICKING = {
    "text": "setInterval(() => { clock.textContent = Date.now() }, 500)",
    "element": "setInterval(() => { clock.innerHTML = '<b>' + Date.now() + '</b>' }, 400)",
    "list": "setInterval(() => { const p = document.createElement('p'); p.textContent = Date.now();"
    " clock.prepend(p); if (clock.children.length > 3) clock.lastChild.remove() }, 700)",
    "attribute": "setInterval(() => { clock.style.width = Math.random() * 100 + 'px' }, 100)",
    "value": "setInterval(() => { clockin.value = Date.now() }, 500)",
}


async def test_background_mutators_answer_nothing(collector: Collector, open_page: Open) -> None:
    """A clock, a ticker, a progress bar: a dead button beside them stays dead, a live one lives."""
    pages = {
        name: await open_page(
            "<div><button id=dead>Dead</button>"
            "<button id=live onclick='out.textContent += 1'>L</button>"
            "<b id=out></b><span id=clock></span><input id=clockin></div>"
            f"<script>onload = () => {script}</script>",
            path=f"/{name}",
        )
        for name, script in TICKING.items()
    }
    await asyncio.sleep(2.2)
    for page in pages.values():
        await press(page, "#dead")
    await asyncio.sleep(0.7)
    for page in pages.values():
        await press(page, "#live")
    await asyncio.sleep(FINAL_MS / 1000)
    for page in pages.values():
        assert await page.evaluate("stolper('flush')") is True
    told = {
        (click["path"][1:], click["target"]["key"]): click.get("answer")
        for click in collector.events("click")
    }

    assert {(name, "#dead"): None for name in TICKING} | {
        (name, "#live"): "mutation" for name in TICKING
    } == told


async def test_a_clock_that_began_just_before_the_press(
    collector: Collector, open_page: Open
) -> None:
    """One tick before the press is enough to know a clock by its going on."""
    page = await open_page("<button id=dead>Dead</button><b id=clock></b>")
    await page.wait_for_timeout(1500)
    await page.evaluate("setInterval(() => { clock.textContent = Date.now() }, 500)")
    await page.wait_for_timeout(600)
    await press(page, "#dead")
    click = (await outcomes(page, collector))["#dead"][0]

    assert "answered_ms" not in click
    assert click["far"] >= 3


async def test_each_quick_press_has_its_own_answer(collector: Collector, open_page: Open) -> None:
    """Five presses on a stepper: five answers, each at once."""
    page = await open_page("<button id=plus onclick='n.textContent++'>+</button><b id=n>1</b>")
    await press(page, "#plus", times=5, gap_ms=120)
    clicks = (await outcomes(page, collector))["#plus"]

    assert len(clicks) == 5
    assert all(click["answered_ms"] <= 300 for click in clicks)


async def test_slow_answers_go_to_their_presses_in_turn(
    collector: Collector, open_page: Open
) -> None:
    """Four presses on a button that takes 1.5 s: each is told 1.5 s, none is dead or quick."""
    page = await open_page(
        "<button id=slow onclick=\"setTimeout(() => { out.textContent += 'x' }, 1500)\">S</button>"
        "<b id=out></b>"
    )
    await press(page, "#slow", times=4, gap_ms=220)
    clicks = (await outcomes(page, collector))["#slow"]

    assert len(clicks) == 4
    assert all(1400 <= click["answered_ms"] <= 2500 for click in clicks)
    assert all("feedback_ms" not in click for click in clicks)


async def test_a_request_is_pending_not_an_answer(collector: Collector, open_page: Open) -> None:
    """While the request runs the press is pending; what it brings is the answer."""
    page = await open_page(
        "<button id=long onclick=\"fetch('/status/200?ms=4000')\">L</button>"
        "<button id=short onclick=\"fetch('/status/200?ms=300').then(() => { out.textContent = 'x' })\">"
        "S</button><b id=out></b>"
    )
    await press(page, "#long")
    await page.wait_for_timeout(1500)
    await press(page, "#short")
    found = await outcomes(page, collector)

    assert found["#long"][0]["pending"] is True
    assert found["#short"][0]["answered_ms"] >= 300
    assert "pending" not in found["#short"][0]


async def test_selection_and_static_text(collector: Collector, open_page: Open) -> None:
    """
    A press on plain text looks at nothing pressable; a double press selects, from its first on.

    Of a control that does nothing only the press that selected its words tells so.
    """
    page = await open_page(
        "<p id=para>Some words to read and select here</p><div id=dead role=button>Buy it now</div>"
    )
    for key in ("#para", "#dead"):
        box = await page.locator(key).bounding_box()
        assert box
        await page.mouse.move(box["x"] + 30, box["y"] + box["height"] / 2)
        for count in (1, 2):
            await page.mouse.down(click_count=count)
            await page.mouse.up(click_count=count)
            await page.wait_for_timeout(90)
    found = await outcomes(page, collector)
    first, second = found["#para"]

    assert "interactive" not in first["target"]
    assert (first["selection_changed"], "answered_ms" in first) == (True, False)
    assert (second["selection_changed"], second["answer"]) == (True, "selection")
    assert (first["detail"], second["detail"]) == (1, 2)
    assert [None, True] == [one.get("selection_changed") for one in found["#dead"]]


async def test_drag_canvas_dialog_and_consent_are_said(
    collector: Collector, open_page: Open
) -> None:
    """Distance of a drag, surfaces that cannot be observed, dialogs, consent containers."""
    page = await open_page(
        "<canvas id=cv width=90 height=40 style='background:#eee'></canvas>"
        "<div role=dialog><button id=indialog>D</button></div>"
        "<div class=cookie-banner><button id=inconsent>C</button></div>"
        "<div id=drag class=ptr style='width:300px;height:30px;cursor:pointer'>slider</div>"
    )
    for key in ("cv", "indialog", "inconsent"):
        await press(page, f"#{key}")
    box = await page.locator("#drag").bounding_box()
    assert box
    await page.mouse.move(box["x"] + 10, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 130, box["y"] + 10, steps=6)
    await page.mouse.up()
    found = await outcomes(page, collector)

    assert found["#cv"][0]["media"] is True
    assert found["#indialog"][0]["in_dialog"] is True
    assert found["#inconsent"][0]["in_consent"] is True
    assert found["#drag"][0]["drag_px"] == 120


async def test_keyboard_and_script_presses(collector: Collector, open_page: Open) -> None:
    """Enter on a button is a press by keyboard; a script's click is untrusted; Enter in a field is none."""
    page = await open_page(
        "<button id=key onclick='n.textContent += 1'>K</button><b id=n></b>"
        "<form onsubmit='return false'><input id=field><button id=submit>S</button></form>"
        "<button id=bot>B</button>"
    )
    await page.focus("#key")
    await page.keyboard.press("Enter")
    await page.focus("#field")
    await page.keyboard.press("Enter")
    await page.evaluate("setTimeout(() => bot.click(), 900)")
    await page.wait_for_timeout(1000)
    found = await outcomes(page, collector)

    assert set(found) == {"#key", "#bot"}
    assert (found["#key"][0]["pointer"], found["#key"][0]["answer"]) == ("keyboard", "mutation")
    assert found["#key"][0]["trusted"] is True
    assert "trusted" not in found["#bot"][0]


async def test_shadow_dom_is_seen_through(collector: Collector, open_page: Open) -> None:
    """Presses inside a shadow root have their own target, and answers inside it count."""
    page = await open_page("<x-box id=box></x-box>")
    await page.evaluate(
        "() => { const root = box.attachShadow({mode: 'open'});"
        " root.innerHTML = '<button id=inner>I</button><button id=quiet>Q</button><b></b>';"
        " root.getElementById('inner').onclick = () => { root.querySelector('b').textContent += 'x' } }"
    )
    await page.wait_for_timeout(200)
    await press(page, "#box >> #inner")
    await page.wait_for_timeout(100)
    await press(page, "#box >> #quiet")
    found = await outcomes(page, collector)

    assert found["#inner"][0]["answer"] == "mutation"
    assert "answer" not in found["#quiet"][0]
    assert [step["tag"] for step in found["#inner"][0]["target"]["path"]][:3] == [
        "button",
        "x-box",
        "body",
    ]


async def test_a_field_left_by_the_press_does_not_answer_it(
    collector: Collector, open_page: Open
) -> None:
    """Validation of the field that was left is no answer of a dead button."""
    page = await open_page(
        "<input id=f onblur=\"why.textContent = 'Not valid'\"><b id=why></b>"
        "<button id=dead>Dead</button>"
    )
    await page.click("#f")
    await page.keyboard.type("abc")
    await page.wait_for_timeout(200)
    await press(page, "#dead")
    found = await outcomes(page, collector)

    assert "answer" not in found["#dead"][0]


async def test_what_is_chosen_already_and_what_forbids_itself_is_said(
    collector: Collector, open_page: Open
) -> None:
    """A shown tab is told as selected; a cell with a not-allowed cursor as disabled."""
    page = await open_page(
        "<div role=tablist><button role=tab id=shown aria-selected=true>A</button>"
        "<button role=tab id=other aria-selected=false>B</button></div>"
        "<span id=day style='cursor:not-allowed'>31</span>"
    )
    for selector in ("#shown", "#other", "#day"):
        await press(page, selector)
    told = await outcomes(page, collector)
    targets = {key: clicks[0]["target"] for key, clicks in told.items()}

    assert (True, None) == (targets["#shown"]["selected"], targets["#other"].get("selected"))
    assert (True, "cursor") == (targets["#day"]["disabled"], targets["#day"]["disabled_why"])


async def test_what_is_typed_after_a_press_does_not_answer_it(
    collector: Collector, open_page: Open
) -> None:
    """A dead press stays dead when the visitor goes on typing beside it and the page echoes that."""
    page = await open_page(
        "<form onsubmit='return false'><button type=button id=dead>Save</button>"
        "<input id=city oninput='echo.textContent=this.value.length'><b id=echo></b></form>"
    )
    await press(page, "#dead")
    await page.wait_for_timeout(800)
    await page.keyboard.press("Tab")
    await page.keyboard.type("Bern", delay=90)
    (dead,) = (await outcomes(page, collector))["#dead"]

    assert (None, None) == (dead.get("answer"), dead.get("answered_ms"))


async def test_targets_tell_path_and_key(collector: Collector, open_page: Open) -> None:
    """Selectors work on history: ancestors with id, stable classes, role, test and own attributes."""
    page = await open_page(
        "<main id=shop><form id=order data-stolper-ignore=rage_click>"
        "<button class='btn css-1x2y3z primary' data-testid=pay type=button><b>Pay now</b></button>"
        "<button type=button>Remove item</button></form></main>"
    )
    await press(page, "[data-testid=pay]")
    await press(page, "form button:nth-child(2)")
    found = await outcomes(page, collector)
    target = found["[pay]"][0]["target"]

    assert set(found) == {"[pay]", 'button "Remove item" in #order'}
    assert target["label"] == "Pay now"
    assert (target["tag"], target["why"], target["interactive"]) == ("button", "tag", True)
    assert target["node"] > 0
    assert target["path"][:3] == [
        {"tag": "button", "classes": ["btn", "primary"], "type": "button", "test": "pay"},
        {"tag": "form", "id": "order", "ignore": "rage_click"},
        {"tag": "main", "id": "shop"},
    ]


async def test_touch_taps_and_swipes(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """Without a release that is a press (a finger that scrolls) there is no click event but a void."""
    page = await open_page("<button id=b onclick='n.textContent += 1'>B</button><b id=n></b>")
    await page.evaluate(
        "() => { const at = {bubbles: true, isPrimary: true, pointerId: 7, pointerType: 'touch',"
        " clientX: 20, clientY: 15};"
        " b.dispatchEvent(new PointerEvent('pointerdown', at));"
        " b.dispatchEvent(new PointerEvent('pointercancel', at)) }"
    )
    await page.evaluate("stolper('flush')")

    assert collector.events("click") == []
    assert sum(len(batch.head["void"]) for batch in collector.stored) == 1
