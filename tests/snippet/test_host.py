"""The page that hosts the snippet keeps its own behaviour: errors, prototypes, policies, names."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext

from tests.snippet.conftest import KEY, Collector, Open, serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CALLS = """() => {
  const sheet = document.querySelector('style').sheet;
  const frame = document.querySelector('iframe')?.contentWindow;
  const inner = frame?.document.querySelector('style').sheet;
  const tries = [
    () => sheet.insertRule('a {} b {'), () => sheet.insertRule('a{}', 99), () => sheet.insertRule(),
    () => sheet.deleteRule(99), () => sheet.deleteRule(), () => sheet.addRule(),
    () => sheet.cssRules[0].style.setProperty(), () => new CSSStyleSheet().replaceSync(),
    () => sheet.cssRules[1].insertRule('%'), () => sheet.cssRules[1].insertRule(),
    () => sheet.replaceSync('a{}'), () => inner.insertRule('%'), () => inner.insertRule(),
    () => inner.deleteRule(99),
    () => inner.cssRules[0].style.setProperty(),
  ];
  return tries.map((run) => { try { run(); return 'ok' } catch (error) { return error.name } });
}"""


async def test_the_page_gets_the_errors_of_its_own_style_calls(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """insertRule and its kin throw at the page what they throw without us, frames included."""
    body = "<style>p{color:red} @media screen{p{color:blue}}</style><iframe></iframe>"
    fill = (
        "() => { document.querySelector('iframe').contentDocument.body.innerHTML ="
        " '<style>p{color:red}</style>' }"
    )
    page = await open_page(body)
    await page.evaluate(fill)
    await page.wait_for_timeout(300)
    plain = await context.new_page()
    collector.pages["/plain"] = f"<!doctype html><html><body>{body}</body></html>"
    await plain.goto(collector.url + "/plain")
    await plain.evaluate(fill)
    found, expected = await page.evaluate(CALLS), await plain.evaluate(CALLS)

    assert expected == found
    assert {"SyntaxError", "IndexSizeError", "TypeError"} <= set(expected)


async def test_stop_gives_the_style_methods_back(collector: Collector, open_page: Open) -> None:
    """After stop the style methods are the browser's own, the old two included."""
    prototypes = (
        "[CSSStyleSheet.prototype, CSSStyleDeclaration.prototype, CSSGroupingRule.prototype]"
        ".flatMap((p) => ['insertRule', 'deleteRule', 'addRule', 'removeRule', 'replace',"
        " 'replaceSync', 'setProperty', 'removeProperty'].map((n) => p[n])).filter(Boolean)"
    )
    keep = f"<script>const before = {prototypes}</script>"
    page = await open_page("<p>x</p>", head=keep)
    same = f"(() => {{ const now = {prototypes}; return now.map((f, i) => f === before[i]) }})()"

    assert not any(await page.evaluate(same))

    await page.evaluate("stolper('stop')")

    assert all(await page.evaluate(same))
    assert len(await page.evaluate(same)) == 10


async def test_an_extended_object_prototype_does_no_harm(
    collector: Collector, open_page: Open
) -> None:
    """An enumerable function on Object.prototype breaks neither recording nor masking."""
    head = "<script>Object.prototype.each = function () {}; Array.prototype.last = () => 1</script>"
    page = await open_page("<p id=p style='color: red'>x</p><input id=i>", head=head)
    seen: list[str] = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    await page.evaluate("() => { p.style.color = 'rgb(1, 2, 3)'; p.title = 'zqtitleqz' }")
    await page.click("#i")
    await page.keyboard.type("abc")
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('flush')")

    assert seen == []
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0
    assert "rgb(1, 2, 3)" in json.dumps(collector.recording())


@pytest.mark.parametrize(
    ("policy", "recorded"),
    [
        ("require-trusted-types-for 'script'", True),
        ("require-trusted-types-for 'script'; trusted-types stolper", True),
        ("require-trusted-types-for 'script'; trusted-types other", False),
    ],
)
async def test_trusted_types(
    collector: Collector, context: BrowserContext, tag: str, policy: str, recorded: bool
) -> None:
    """
    A page that demands Trusted Types is recorded if it allows "stolper", and never disturbed. The
    policy takes no address but ours, whoever calls `load`.
    """

    strange = "stolper.load('@127.0.0.1:1/strange.js')"
    tag = tag.replace("async", f'async onload="{strange}"')

    async def guarded(_: web.Request) -> web.Response:
        text = f"<!doctype html><html><body>{tag}<h1>Guarded</h1><button>Go</button></body></html>"
        return web.Response(
            text=text,
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        )

    made = collector.app()
    app = web.Application()
    app.router.add_get("/guarded", guarded)
    app.router.add_get("/s/{key}.js", collector.script)
    app.router.add_get("/recorder.{hash}.js", collector.recorder)
    assert made is not app
    async with serving(app) as url:
        page = await context.new_page()
        seen: list[str] = []
        page.on("pageerror", lambda error: seen.append(str(error)))
        await page.goto(f"{url}/guarded")
        await page.wait_for_function("window.stolper && window.stolper.config")
        sources = await page.evaluate("[...document.scripts].map(one => one.getAttribute('src'))")
        await page.wait_for_timeout(1300)
        await page.click("button")
        if recorded:
            await page.evaluate("stolper('flush')")
        await page.close()

    assert seen == []
    assert "strange" not in str(sources)
    assert recorded is ("Guarded" in json.dumps(collector.recording()))


async def test_a_failing_begin_stays_ours(collector: Collector, context: BrowserContext) -> None:
    """When the recorder cannot begin at DOMContentLoaded the page sees no error."""
    collector.pages["/slow"] = (
        "<!doctype html><html><head><script>requestIdleCallback = (run) => run();"
        "Object.defineProperty(Document.prototype, 'hidden', {get: () => false});"
        "</script>"
        f"<script src='/s/{KEY}.js'></script>"
        "<script>performance.now = () => { throw new Error('broken') }</script></head>"
        "<body><script src='/status/200?ms=700'></script><h1>x</h1></body></html>"
    )
    page = await context.new_page()
    seen: list[str] = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    await page.goto(collector.url + "/slow")
    await page.wait_for_timeout(500)

    assert await page.evaluate("window.stolper.running") is True
    assert [text for text in seen if "broken" in text] == []
    assert collector.batches == []


@pytest.mark.parametrize("inner", ["", "<input name=config><input name=q><input name=running>"])
async def test_a_form_named_stolper_does_not_hide_it(
    collector: Collector, open_page: Open, inner: str
) -> None:
    """An element with the id stolper stands where our name does; recording runs all the same."""
    form = f"<form id=stolper>{inner}</form>"
    page = await open_page(
        "<p>x</p>", head=f'<script>document.write("<body>{form}")</script>', wait=False
    )
    await page.wait_for_function(
        "typeof window.stolper === 'function' && window.stolper.running === true"
    )
    await page.evaluate("stolper('flush')")

    assert len(collector.events("page")) == 1
