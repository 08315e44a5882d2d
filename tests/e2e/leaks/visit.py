"""
One visit that drives every class of the table, and all that it left behind.

The collector is reached through a relay that keeps each byte the browser sends to it.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from playwright.async_api import Browser, Page, expect

from console.exporting import FORMS
from core.site_options import SiteOptions
from stolper.leaktest.relay import Relay
from stolper.leaktest.search import Search
from tests.e2e.leaks.table import PRESETS, places
from tests.e2e.support import Stack
from tests.replay.offline import offline_parts

OPTIONS = SiteOptions(
    mask=".site-hides", unmask=".site-shows", block=".site-blocks", url_params=("tab",)
)
PRESSED = (
    "paragraph", "button", "button with a number", "table cell", "placeholder", "title", "input text",
    "aria-label of content", "data attribute", "data-stolper=block", "text of an option",
)  # fmt: skip
_CLIPBOARD = asyncio.Lock()  # all contexts of a browser share it


Found = dict[tuple[str, str], set[int]]
"""By preset and name of a class: which of its canaries."""


def find(parts: Iterable[tuple[str, bytes]]) -> Found:
    """Return all canaries that *parts* hold, everything inflated."""
    known = {
        place.canary(preset, where): (preset, place.name, where)
        for preset in PRESETS
        for place in places()
        for where in place.wheres
    }
    search = Search(known)
    found: Found = {}
    for name, data in parts:
        for one in search.look(name, data):
            preset, place, where = known[one.text]
            found.setdefault((preset, place), set()).add(where)
    return found


def document(preset: str, script: str) -> str:
    """Return the page: every class with markup, and the fields that hands use."""
    markup = "".join(
        f"<div data-place={place.number}>{place.code.format(c=place.canary(preset, 0))}</div>"
        for place in places()
        if place.kind == "html"
    )
    hands = {place.code: place.canary(preset, 0) for place in places() if place.kind == "hand"}
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{hands['titled']}</title>"
        f"{script}</head><body><div id=hands><input id=typed><textarea id=area></textarea>"
        "<div id=editor contenteditable>x</div><input type=password id=password>"
        "<input id=pasted><input id=dropped><input type=file id=file>"
        f"<textarea id=copied>{hands['copied']}</textarea><textarea id=echo></textarea>"
        f"<select id=chosen><option>x<option>{hands['chosen']}</select></div>{markup}</body></html>"
    )


NEXT = """<!doctype html><title>x</title><script>
window.kept = JSON.stringify([localStorage, sessionStorage].map((store) =>
  Object.entries(store).filter(([name]) => name.startsWith('stolper'))));
</script>"""
"""A page that notes what lies in the browser before its own snippet runs."""


def application(scripts: dict[str, str]) -> web.Application:
    """Return the site's server: a page for each preset, and an answer for everything else."""

    async def page(request: web.Request) -> web.Response:
        preset, _, nth = request.path.strip("/").partition("/")
        if preset in scripts:
            text = (NEXT + scripts[preset]) if nth else document(preset, scripts[preset])
            return web.Response(text=text, content_type="text/html", charset="utf-8")
        return web.json_response({}, status=404 if ".png" in request.path else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    return app


async def visit(
    stack: Stack, browser: Browser, origin: str, relay: Relay, preset: str
) -> dict[str, list[tuple[str, bytes]]]:
    """Drive every class under *preset*; return what was sent, exported and kept in the browser."""
    context = await browser.new_context(viewport={"width": 1000, "height": 900})
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    page = await context.new_page()
    canaries = {place.code: place.canary(preset, 0) for place in places() if place.kind == "hand"}
    before = f"{origin}/before?name={canaries['referrer']}"
    await page.goto(f"{origin}/{preset}", referer=before)
    await page.wait_for_function("window.stolper && stolper.running === true", timeout=60_000)
    await _add(page, preset)
    await _press(page)
    await _run(page, preset, "js")
    for hand in (hand for hand in HANDS if hand in canaries):
        await HANDS[hand](page, canaries[hand])
    await _echo(page, preset)
    for hand in ("identified_mail", "identified"):
        told = canaries[hand] + ("@example.org" if hand.endswith("mail") else "")
        # An identity goes with the next batch, so there has to be one.
        name = (
            "id => { stolper('identify', id); stolper('track', 'named'); return stolper('flush') }"
        )
        assert await page.evaluate(name, told)
    # The next page shows what the one before left in the browser, and sends it.
    await page.goto(f"{origin}/{preset}/next")
    kept = await page.evaluate("window.kept")
    await page.wait_for_function("window.stolper && stolper.running === true", timeout=60_000)
    assert await page.evaluate("stolper('flush')")
    session = await page.evaluate("stolper('session')")
    await context.close()
    return {
        "sent": [("sent", relay.sent())],
        "exported": await _exports(stack, session),
        "browser": [("storage", kept.encode())],
    }


async def _exports(stack: Stack, session: str) -> list[tuple[str, bytes]]:
    """Return every form in which the server gives out a session."""
    paths = [f"/sessions/{session}{part}" for part in ("", "/events", "/recording")]
    paths += ["/sessions", "/struggles", "/sites", f"/sessions/{session}/transcript"]
    told = [
        (path, json.dumps(await stack.api(path), ensure_ascii=False).encode()) for path in paths
    ]
    for form in FORMS:
        path = f"/sessions/{session}/export?format={form}"
        file = await stack.file(path)
        told.append((path, file))
        if form == "html":
            told += [(f"{path}: {name}", held) for name, held in offline_parts(file).items()]
    return told


async def _add(page: Page, preset: str) -> None:
    """Add the markup of each class again, later, with its other canary."""
    added = [
        (place.number, place.code.format(c=place.canary(preset, 1)))
        for place in places()
        if place.kind in ("html", "late")
    ]
    await page.evaluate(
        """(added) => { for (const [number, markup] of added) {
          const made = document.createElement('div'); made.dataset.later = number;
          made.innerHTML = markup; document.body.append(made) } }""",
        added,
    )


async def _press(page: Page) -> None:
    """Press what could be told with a label."""
    for place in places():
        if place.name not in PRESSED:
            continue
        for attribute in ("place", "later"):
            spot = await page.evaluate(
                """([attribute, number]) => {
                  const at = document.querySelector(`[data-${attribute}="${number}"] > *`);
                  at.scrollIntoView({block: 'center'});
                  const box = at.getBoundingClientRect();
                  return [box.left + Math.min(8, box.width / 2), box.top + box.height / 2];
                }""",
                [attribute, place.number],
            )
            await page.mouse.click(*spot)
    await page.keyboard.press("Escape")


async def _run(page: Page, preset: str, kind: str) -> None:
    """Run the code of each class of *kind*; fail if one throws."""
    items = [
        (place.name, place.code, place.canary(preset, 0))
        for place in places()
        if place.kind == kind
    ]
    failed = await page.evaluate(
        """async (items) => {
          const failed = [];
          const pause = () => new Promise((go) => setTimeout(go, 30));
          const Code = (async () => {}).constructor;
          for (const [name, code, c] of items) {
            const root = document.body.appendChild(document.createElement('div'));
            try { await new Code('c', 'root', 'pause', code)(c, root, pause); }
            catch (error) { failed.push(`${name}: ${error}`); }
          }
          await pause();
          return failed;
        }""",
        items,
    )

    assert [] == failed


async def _echo(page: Page, preset: str) -> None:
    """Type what the page then repeats."""
    typed = [place.canary(preset, 0) for place in places() if place.kind == "echo"]
    await page.click("#echo")
    await page.keyboard.insert_text(" ".join(typed))
    await _run(page, preset, "echo")


async def _type(page: Page, selector: str, text: str) -> None:
    await page.click(selector)
    await page.keyboard.type(text)


async def _typed(page: Page, canary: str) -> None:
    await _type(page, "#typed", canary)


async def _typed_area(page: Page, canary: str) -> None:
    await _type(page, "#area", canary)


async def _typed_editor(page: Page, canary: str) -> None:
    await _type(page, "#editor", canary)


async def _typed_password(page: Page, canary: str) -> None:
    await _type(page, "#password", canary[:-1])
    await page.evaluate("document.getElementById('password').type = 'text'")
    await page.keyboard.type(canary[-1:])
    assert canary == await page.input_value("#password")


async def _pasted(page: Page, canary: str) -> None:
    async with _CLIPBOARD:
        await page.evaluate("text => navigator.clipboard.writeText(text)", canary)
        await page.click("#pasted")
        await page.keyboard.press("Control+v")
        assert canary == await page.input_value("#pasted")


async def _dropped(page: Page, canary: str) -> None:
    box = await page.locator("#dropped").bounding_box()
    assert box is not None
    session = await page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        await session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + 5,
                "y": box["y"] + 5,
                "data": {
                    "items": [{"mimeType": "text/plain", "data": canary}],
                    "dragOperationsMask": 1,
                },
            },
        )
    await expect(page.locator("#dropped")).to_have_value(canary)


async def _copied(page: Page, canary: str) -> None:
    async with _CLIPBOARD:
        await page.click("#copied")
        await page.keyboard.press("Control+a")
        await page.keyboard.press("Control+c")
        assert canary == await page.evaluate("navigator.clipboard.readText()")


async def _file(page: Page, canary: str) -> None:
    chosen = {"name": f"{canary}.txt", "mimeType": "text/plain", "buffer": canary.encode()}
    await page.set_input_files("#file", chosen)  # type: ignore[arg-type] -- as its docs say


async def _chosen(page: Page, canary: str) -> None:
    await page.select_option("#chosen", label=html.unescape(canary))


HANDS: dict[str, Callable[[Page, str], Awaitable[None]]] = {
    "typed": _typed,
    "typed_area": _typed_area,
    "typed_editor": _typed_editor,
    "typed_password": _typed_password,
    "pasted": _pasted,
    "dropped": _dropped,
    "copied": _copied,
    "file": _file,
    "chosen": _chosen,
}
