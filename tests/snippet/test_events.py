"""Each event type: the browser's facts under the names of core/events.yaml."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import BrowserContext, Route

from core.events import load_schema
from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_page_views_count_routes(collector: Collector, open_page: Open) -> None:
    """A route is a leave and a page with its own view number, dwell and origin."""
    page = await open_page("<h1>One</h1>", path="/list?q=shoes&page=2")
    await page.evaluate("history.pushState({}, '', '/detail/7')")
    await page.evaluate("history.replaceState({}, '', '/detail/7')")
    await page.evaluate("location.hash = 'part'")
    await page.evaluate("history.back()")
    await page.wait_for_timeout(200)
    await page.evaluate("history.back()")
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('flush')")
    pages = collector.events("page")

    assert [(p["nav"], p["path"], p["view"]) for p in pages] == [
        ("load", "/list", 0),
        ("route", "/detail/7", 1),
        ("route", "/list", 2),
    ]
    assert pages[0]["query_keys"] == ["q", "page"]
    assert pages[0]["status"] == 200
    assert pages[1]["from_path"] == "/list"
    assert pages[1]["dwell_ms"] >= 0
    assert [leave["kind"] for leave in collector.events("leave")] == ["route", "route"]


async def test_routes_after_a_hash_are_page_views(collector: Collector, open_page: Open) -> None:
    """Where a route stands after a `#` its path is told as any path, its query and places are not."""
    page = await open_page("<h1>One</h1>", path="/app")
    for fragment in ("/cart/items?coupon=zqcodeqz", "!/u/anna@example.org/a1b2c3d4e5f6g7h8", "/"):
        await page.evaluate("to => { location.hash = to }", fragment)
        await page.wait_for_timeout(100)
    await page.evaluate("stolper('track', 'here')")
    await page.evaluate("stolper('flush')")
    (here,) = collector.events("custom")

    assert [
        ("load", "/app"),
        ("route", "/app#/cart/items"),
        ("route", "/app#/u/••••••••/:id"),
        ("route", "/app"),
    ] == [(event["nav"], event["path"]) for event in collector.events("page")]
    assert ("/app", 3) == (here["path"], here["view"])
    assert "zqcodeqz" not in str([batch.body for batch in collector.batches])


async def test_a_route_is_left_under_its_own_path(collector: Collector, open_page: Open) -> None:
    """The leave of a route tells the path of the view that is left, not of the one that comes."""
    page = await open_page("<h1>One</h1>", path="/a")
    await page.evaluate("history.pushState({}, '', '/a/r1')")
    await page.evaluate("history.pushState({}, '', '/b')")
    await page.evaluate("stolper('flush')")
    told = [
        (event["type"], event["view"], event["path"])
        for event in collector.events()
        if event["type"] in ("page", "leave")
    ]

    assert told == [
        ("page", 0, "/a"),
        ("leave", 0, "/a"),
        ("page", 1, "/a/r1"),
        ("leave", 1, "/a/r1"),
        ("page", 2, "/b"),
    ]


LEAVES = (
    "<h1 id=h>One</h1><a id=a href=/next>Next</a><a id=hash href='#h'>Part</a>"
    "<button id=b onclick=\"location.href = '/next'\">Next</button>"
    "<form action=/next><button id=go>Go</button></form>"
)


@pytest.mark.parametrize("without", ["nothing", "navigation"])
@pytest.mark.parametrize(
    ("pressed", "kind"), [("h", "close"), ("hash", "close"), ("a", "link"), ("go", "link")]
)
async def test_a_tab_is_left_by_a_link_only_if_the_press_led_away(
    collector: Collector,
    context: BrowserContext,
    open_page: Open,
    pressed: str,
    kind: str,
    without: str,
) -> None:
    """After a press on a heading the tab was closed; after a link or submit it was led away."""
    await context.add_init_script(f"delete window.{without}")
    collector.pages["/next"] = "<p>next</p>"
    page = await open_page(LEAVES)
    await page.click(f"#{pressed}")
    if kind == "link":
        await page.wait_for_url("**/next*")
    else:
        await page.close(run_before_unload=True)
    await collector.until(lambda: collector.events("leave"))

    assert [leave["kind"] for leave in collector.events("leave")] == [kind]


async def test_a_script_that_leads_away_after_a_press_is_a_link(
    collector: Collector, open_page: Open
) -> None:
    """A button whose handler sets the location leads away like a link."""
    collector.pages["/next"] = "<p>next</p>"
    page = await open_page(LEAVES)
    await page.click("#b")
    await page.wait_for_url("**/next*")
    await collector.until(lambda: collector.events("leave"))

    assert collector.events("leave")[0]["kind"] == "link"


async def test_a_reload_is_told(collector: Collector, open_page: Open) -> None:
    """The page event of a reloaded document says so."""
    page = await open_page("<h1>One</h1>")
    await page.reload()
    await page.wait_for_function("window.stolper && window.stolper.running")
    await page.evaluate("stolper('flush')")

    assert [event["nav"] for event in collector.events("page")] == ["load", "reload"]


async def test_visibility_is_told(collector: Collector, open_page: Open) -> None:
    """Hiding and showing the tab are two events."""
    page = await open_page("<h1>One</h1>")
    await page.evaluate(
        "for (const state of ['hidden', 'visible']) {"
        " Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }"
    )
    await page.evaluate("stolper('flush')")

    assert [e["state"] for e in collector.events("visibility")] == ["hidden", "visible"]


async def test_errors_name_message_place_and_press(collector: Collector, open_page: Open) -> None:
    """An uncaught error and a rejection come masked and linked to the press before them."""
    page = await open_page(
        "<button id=a onclick=\"throw new TypeError('order 4711 of &quot;Jane&quot;')\">A</button>"
        "<button id=b onclick=\"Promise.reject(new Error('late'))\">B</button>"
    )
    await page.click("#a")
    await page.wait_for_timeout(1200)
    await page.click("#b")
    await page.wait_for_timeout(2700)
    await page.evaluate("stolper('flush')")
    errors = collector.events("error")
    clicks = collector.events("click")

    assert [error["kind"] for error in errors] == ["error", "rejection"]
    assert errors[0]["message"] == 'Uncaught TypeError: order # of "…"'
    assert errors[0]["file"] == "/page"
    assert errors[0]["first_party"] is True
    assert [error["click"] for error in errors] == [click["i"] for click in clicks]
    assert all(click["error_ms"] < 1000 for click in clicks)


async def test_an_error_tells_the_places_it_came_through(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """The stack is places alone, innermost first; scripts keep their own names, whatever else is in an address does not."""
    script = "const inner = () => { throw new Error('x') };\nfunction outer() { inner() }"
    await context.route(
        "**/app-9f3a2b1c4d5e6f70.js*",
        lambda route: route.fulfill(body=script, content_type="text/javascript"),
    )
    page = await open_page(
        '<script src="/u/anna@example.org/app-9f3a2b1c4d5e6f70.js?key=zqsecret"></script>'
        "<button onclick='outer()'>A</button>"
        "<button onclick='Promise.reject(\"no error\")'>B</button>"
    )
    for name in ("A", "B"):
        await page.click(f"text={name}")
    await page.evaluate("stolper('flush')")
    await collector.until(lambda: len(collector.events("error")) == 2)
    thrown, rejected = collector.events("error")
    file = "/u/••••••••/app-9f3a2b1c4d5e6f70.js"

    assert [f"{file}:1:29", f"{file}:2:20"] == thrown["stack"][:2]
    assert thrown["stack"][2].startswith("/page:")
    assert "stack" not in rejected
    assert "zqsecret" not in str([batch.body for batch in collector.batches])


async def test_requests_are_told_with_template_status_and_press(
    collector: Collector, open_page: Open
) -> None:
    """fetch, XMLHttpRequest and sendBeacon: method, template, status, duration, press."""
    page = await open_page(
        "<button id=b onclick=\"fetch('/status/500?id=3', {method: 'POST'})\">Press</button>"
        "<input id=q><script>let wait; q.oninput = () => { clearTimeout(wait);"
        " wait = setTimeout(() => { fetch('/suggest'); fetch('/poll'); }, 300) }</script>"
    )
    await page.evaluate("fetch('/poll')")
    await page.focus("#q")
    await page.keyboard.type("be")
    await collector.until(lambda: len(collector.events("request")) >= 3)
    await page.evaluate(
        "new Promise((done) => { const x = new XMLHttpRequest();"
        " x.open('GET', '/status/404?customer=jane'); x.onloadend = done; x.send() })"
    )
    await page.evaluate("navigator.sendBeacon('/status/200')")
    await page.evaluate("fetch('http://127.0.0.1:1/x').catch(() => {})")
    await page.click("#b")
    await page.wait_for_timeout(2700)
    await page.evaluate("stolper('flush')")
    early, suggest, poll, *requests = sorted(collector.events("request"), key=lambda one: one["i"])
    click = collector.events("click")[0]

    assert ["/poll", "/suggest", "/poll"] == [one["url"] for one in (early, suggest, poll)]
    assert [None, None, True] == [one.get("unasked") for one in (early, suggest, poll)]
    assert "since_input_ms" not in early
    assert 300 <= suggest["since_input_ms"] <= 2000
    assert not any("click" in one for one in (early, suggest, poll))
    assert [(r["kind"], r["method"], r["url"], r["status"]) for r in requests] == [
        ("xhr", "GET", "/status/:id", 404),
        ("beacon", "POST", "/status/:id", 200),
        ("fetch", "GET", "127.0.0.1:1/x", 0),
        ("fetch", "POST", "/status/:id", 500),
    ]
    assert requests[3]["click"] == click["i"]
    assert requests[3]["since_action_ms"] <= 1000
    assert "first_party" not in requests[2]
    assert (click["request_status"], click.get("pending", False)) == (500, False)
    assert click["request_ms"] <= click["request_done_ms"]


REJECTED = """<script>async function run(how) {
  const seen = [];
  addEventListener('unhandledrejection', (event) => {
    event.preventDefault();
    seen.push([event.promise === held, event.reason.name]);
  });
  const abort = new AbortController();
  const held = fetch(how === 'aborted' ? '/status/200?ms=2000' : 'http://127.0.0.1:1/x',
                     {signal: abort.signal});
  if (how === 'aborted') abort.abort();
  let caught = 0;
  if (how === 'handled') held.catch(() => { caught++ });
  if (how === 'awaited') try { await held } catch { caught++ }
  await new Promise((done) => setTimeout(done, 400));
  return [seen, caught];
}</script>"""


@pytest.mark.parametrize(
    ("how", "seen", "caught"),
    [
        ("unhandled", [[True, "TypeError"]], 0),
        ("aborted", [[True, "AbortError"]], 0),
        ("handled", [], 1),
        ("awaited", [], 1),
    ],
)
async def test_a_rejected_fetch_is_as_handled_as_the_page_handles_it(
    collector: Collector, open_page: Open, how: str, seen: list[list[object]], caught: int
) -> None:
    """A failed fetch is told to the page once, with the promise it holds, and only if unhandled."""
    page = await open_page(REJECTED)
    found = await page.evaluate("(how) => run(how)", how)
    await page.evaluate("stolper('flush')")
    request = collector.events("request")[0]
    errors = [(event["kind"], event["file"]) for event in collector.events("error")]

    assert found == [seen, caught]
    assert request["status"] == 0
    assert request.get("aborted", False) is (how == "aborted")
    assert errors == [("rejection", "/page")] * len(seen)


async def test_a_fetch_that_returns_more_than_a_promise_stays_so(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """Where a library's fetch returns a promise with extras the page gets that very promise."""
    await context.add_init_script(
        "const native = fetch; window.fetch = (...args) =>"
        " window.given = Object.assign(native(...args), {cancel() { return 'cancelled' }})"
    )
    page = await open_page("<p>x</p>")
    found = await page.evaluate(
        # Compared at once: our own deliveries go through that fetch, too.
        "async () => { const held = fetch('/status/204'); const same = held === given;"
        " const {status} = await held; return [same, held.cancel(), status] }"
    )
    await page.evaluate("stolper('flush')")

    assert found == [True, "cancelled", 204]
    assert [request["status"] for request in collector.events("request")] == [204]


async def test_console_tells_level_and_hash_only(collector: Collector, open_page: Open) -> None:
    """console.error and console.warn are counted, their words stay in the page."""
    page = await open_page("<p>x</p>")
    await page.evaluate("console.error('secret words'); console.warn('other'); console.log('no')")
    await page.evaluate("stolper('flush')")
    events = collector.events("console")

    assert [event["level"] for event in events] == ["error", "warn"]
    assert all("text" not in event and event["hash"] for event in events)


async def test_missing_assets_are_told(collector: Collector, open_page: Open) -> None:
    """An image that does not load is told with its path and size, without its query."""
    page = await open_page("<h1>One</h1>")
    await page.evaluate(
        "const img = new Image(120, 80); img.src = '/missing.png?user=jane'; document.body.append(img)"
    )
    await page.wait_for_timeout(500)
    await page.evaluate("stolper('flush')")
    asset = collector.events("asset")[0]

    assert (asset["kind"], asset["url"], asset["first_party"]) == ("image", "/missing.png", True)
    assert (asset["width"], asset["height"], asset["in_viewport"]) == (120, 80, True)


async def test_what_did_not_load_before_the_recorder_is_told(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """
    Pictures, scripts and style sheets that failed before anybody listened are told once, others not at all.

    The recorder comes when the page has long shown what is missing.
    """

    async def late(route: Route) -> None:
        await asyncio.sleep(0.8)
        await route.continue_()

    await context.route("**/recorder.*", late)
    page = await open_page(
        "<img src=/gone.png?user=jane width=120 height=80><img src=data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7>"
        "<script src=/gone.js></script><img data-stolper=block src=/ann.png><img src=/later.svg>"
        "<link rel=prefetch href=/gone.json>",
        head="<link rel=stylesheet href=/gone.css>",
    )
    await page.evaluate("stolper('flush')")
    told = {one["url"]: one for one in collector.events("asset")}

    assert {"/gone.png": "image", "/gone.js": "script", "/gone.css": "style"} == {
        url: one["kind"] for url, one in told.items()
    }
    assert len(collector.events("asset")) == 3
    picture = told["/gone.png"]
    assert (120, 80, True) == tuple(picture[name] for name in ("width", "height", "in_viewport"))
    assert picture["i"] > collector.events("page")[0]["i"]


async def test_custom_events_keep_short_values(collector: Collector, open_page: Open) -> None:
    """track keeps numbers, booleans and short texts; everything else stays in the page."""
    page = await open_page("<p>x</p>")
    await page.evaluate(
        "stolper('track', 'search', {results: 0, ok: true, kind: 'plain', deep: {a: 1}, f() {}})"
    )
    await page.evaluate("stolper('flush')")
    event = collector.events("custom")[0]

    assert event["name"] == "search"
    assert event["props"] == {"results": 0, "ok": True, "kind": "plain"}


async def test_messages_are_told_by_hash(collector: Collector, open_page: Open) -> None:
    """An alert and a field's error: kind, severity, field and a hash that digits do not change."""
    page = await open_page(
        "<form><label>Mail <input id=mail name=mail aria-describedby=why></label>"
        "<span id=why class=error></span></form><div id=top role=alert></div>"
    )
    for number in (1, 2):
        await page.evaluate(
            f"top.textContent; document.getElementById('top').textContent = 'Order {number} failed'"
        )
        await page.wait_for_timeout(1100)
    await page.evaluate("document.getElementById('why').textContent = 'Not a mail address'")
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('flush')")
    messages = collector.events("message")

    assert [(m["kind"], m["severity"]) for m in messages] == [
        ("alert", "error"),
        ("alert", "error"),
        ("field", "error"),
    ]
    assert messages[0]["hash"] == messages[1]["hash"]
    assert messages[2]["field"] == "mail"
    assert all("words" not in message for message in messages)


async def test_every_field_sent_is_declared(collector: Collector, open_page: Open) -> None:
    """No event carries a field that core/events.yaml does not know."""
    page = await open_page(
        "<form id=f><label>Name <input id=a name=a></label><button id=go>Go</button></form>"
        "<div role=alert id=m></div>"
    )
    await page.click("#a")
    await page.keyboard.type("Jane")
    await page.click("#go")
    await page.evaluate("document.getElementById('m').textContent = 'Saved'; console.error('x')")
    await page.wait_for_timeout(2700)
    await page.evaluate("stolper('flush')")
    schema = load_schema()
    envelope = {"i", "t", "type", "view", "path", "page_load"}
    unknown = {
        f"{event['type']}.{name}"
        for event in collector.events()
        for name in set(event) - envelope - set(schema.events[event["type"]].fields)
    }
    target_unknown = {
        name
        for event in collector.events()
        for name in set(event.get("target", {})) - set(schema.target)
    }

    assert unknown == set()
    assert target_unknown == set()
