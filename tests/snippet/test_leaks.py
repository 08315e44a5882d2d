"""
Canaries in the corners: style sheets, frames, URLs, messages, what was typed, odd attributes.

Every test searches all that the collector received, chunks inflated, and holds a control: a word
that has to arrive, in the same place as far as there is one, so that an empty recording fails.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, Request

from tests.snippet.conftest import KEY, Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def arrived(collector: Collector, page: Page) -> str:
    """Flush *page* and return everything that the collector received, as text."""
    await page.wait_for_timeout(300)
    await page.evaluate("stolper('flush')")
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0
    return json.dumps(
        [[batch.head, batch.recording] for batch in collector.batches], ensure_ascii=False
    )


def canaries(text: str) -> set[str]:
    """Return the canaries found in *text*."""
    return set(re.findall("zq[a-z]+qz", text.lower()))


SHEET = r"""
.a::after{content:"Hi; zqsemicolonqz"} .b::after{content:"x} zqbraceqz"}
.c::after{content:'it\'s; zqescapeqz'} .d::after{content:"/* "; color:red} .e::after{content:"zqcommentqz */"}
q{quotes:"zqquotesqz" "y"} li{list-style-type:"zqlistqz "} p{text-overflow:"zqoverflowqz"}
em{text-emphasis-style:"z"; text-emphasis:"zqemphasisqz"} p{hyphenate-character:"zqhyphenqz"}
.f{background:url("data:image/svg+xml,<svg><text a=\"1\">zqsvgqz</text></svg>?x=1")}
.g{background:url(/x'y?name=zqunquotedqz)} .h{background:url("/x\3fname\3dzqhexqz")}
.i{background:image-set("/x?name=zqimagesetqz" 1x)}
:root{--n: ZQbareqz; --two: max zqwordsqz; --d: 4711zqdigitsqz; --s: "zqstringqz; zqsecondqz"}
:root{--j: {"name": "zqbracesqz"}; --u: ZQuppercaseqz}
[data-n="zqselectorqz"]{color:red} [data-n=zqbareselectorqz]{color:red}
.k{content:"zqbrokenqz
zqnewlineqz"}
"""


@pytest.mark.parametrize("preset", ["strict", "standard"])
@pytest.mark.parametrize("how", ["style", "insertRule", "replaceSync", "frame"])
async def test_style_sheets_tell_no_words(
    collector: Collector, open_page: Open, preset: str, how: str
) -> None:
    """Strings, custom properties, URLs and selectors of a sheet hold nobody's words."""
    collector.configure(privacy=preset)
    sheet = SHEET if preset == "strict" else SHEET.replace("zqsvgqz", "")
    page = await open_page("<div id=host></div><p id=p>x</p>")
    await page.evaluate(
        """([how, css]) => {
          if (how === 'style') host.innerHTML = '<style></style>', host.firstChild.textContent = css;
          if (how === 'frame') host.innerHTML = '<iframe></iframe>',
            host.firstChild.contentDocument.body.innerHTML = '<style>' + css + '</style>';
          const own = new CSSStyleSheet();
          if (how === 'replaceSync') own.replaceSync(css), document.adoptedStyleSheets = [own];
          if (how !== 'insertRule') return;
          const sheet = document.head.appendChild(document.createElement('style')).sheet;
          own.replaceSync(css);
          for (const rule of own.cssRules) sheet.insertRule(rule.cssText);
          sheet.insertRule('.z{color:red}');
          sheet.cssRules[0].style.setProperty('--n', 'ZQsetqz');
          sheet.cssRules[0].style.setProperty('content', '"Hi; zqdeclaredqz"');
        }""",
        [how, sheet],
    )
    text = await arrived(collector, page)

    assert canaries(text) == set()
    assert ".a::after" in text  # the sheet is there


async def test_the_control_shows_the_same_sheet_under_open(
    collector: Collector, open_page: Open
) -> None:
    """Under open the words of a sheet arrive, so a search for them can find them."""
    collector.configure(privacy="open")
    page = await open_page(f"<style>{SHEET}</style>")
    found = canaries(await arrived(collector, page))

    assert {"zqsemicolonqz", "zqbraceqz", "zqbareqz", "zqstringqz", "zqselectorqz"} <= found
    assert not found & {"zqunquotedqz", "zqhexqz", "zqimagesetqz"}


ORDINARY = """
@import url("/more.css") screen;
@font-face{font-family:"Own Font"; src:local("Own Font"), url("/own.woff2") format("woff2")}
:root{--main: #336699; --space: .5rem; --pad: calc(var(--space) * 2); --line: 1px solid red;
 --shade: 0 2px 4px rgba(0,0,0,.2); --move: translateX(-50%); --ease: cubic-bezier(.4,0,.2,1);
 --time: opacity .2s ease-in-out, transform .3s; --font-family: "Segoe UI", Roboto, sans-serif;
 --grad: linear-gradient(to right, red 10%, hsl(200 50% 40% / .5)); --one: auto; --top: 99999}
.card{color:var(--main); padding:var(--pad); border:var(--line); font-family:"Own Font", serif}
.card:hover > a[target="_blank"]::before{content:"\\2192"; color:rgb(1, 2, 3)}
.grid{display:grid; grid-template-areas:"head head" "side main"}
@media (min-width: 10px){.card{margin:3px 4px}}
@supports (display: grid) and (not (display: inline-grid)){.card{width:200px}}
.outer{color:blue; & .inner{color:green}}
@keyframes spin{from{opacity:0} 50%{opacity:.5} to{opacity:1}}
"""


async def test_an_ordinary_sheet_still_draws_the_page(
    collector: Collector, open_page: Open
) -> None:
    """Colours, variables, media, nesting and fonts of an ordinary sheet survive the masking."""
    page = await open_page(
        f"<style>{ORDINARY}</style><div class=card id=c>x</div>"
        "<div class=outer><p class=inner id=n>x</p></div><div class=grid id=g></div>"
        "<p id=s style='color: rgb(9, 8, 7); --main: #fff; margin: 1px 2px; width: calc(50% - 3px)'>"
    )
    await arrived(collector, page)
    recorded = json.dumps(collector.recording())
    sheets = [
        child["textContent"]
        for child in walk(next(e["data"]["node"] for e in collector.recording() if e["type"] == 2))
        if "--main" in child.get("textContent", "")
    ]
    look = """() => ['c', 'n', 'g', 's'].map((id) => {
      const style = getComputedStyle(document.getElementById(id));
      return ['color', 'padding', 'border', 'margin', 'width', 'fontFamily', 'gridTemplateAreas',
        '--shade', '--move', '--ease', '--time', '--font-family', '--grad', '--one', '--top'
        ].map((name) => style[name] ?? style.getPropertyValue(name));
    })"""
    before = await page.evaluate(look)
    await page.evaluate(
        "css => { document.querySelector('style').textContent = css }", "".join(sheets)
    )
    after = await page.evaluate(look)

    assert len(sheets) == 1
    assert before == after
    assert before[0][0] == "rgb(51, 102, 153)"
    assert "color: rgb(9, 8, 7)" in recorded


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return *node* and all below it; a sheet kept as `_cssText` counts as its text."""
    found = [node]
    attributes = node.get("attributes")
    if isinstance(attributes, dict) and "_cssText" in attributes:
        found.append({"textContent": attributes["_cssText"]})
    for child in node.get("childNodes", []):
        found.extend(walk(child))
    return found


async def test_a_blocked_frame_stays_empty(collector: Collector, open_page: Open) -> None:
    """A blocked frame tells nothing: not its document, changes, values, sheets or attributes."""
    collector.configure(privacy="open")
    collector.pages["/loaded"] = "<h1>zqloadedqz</h1>"
    collector.pages["/late"] = "<h1>yqlateqy</h1>"
    frame = "<h1>{}first{}</h1><input id=i><p id=p>x</p>"
    page = await open_page(
        "<iframe id=blocked data-stolper=block></iframe><iframe id=shown></iframe>"
        "<iframe data-stolper=block src=/loaded></iframe><iframe id=late src=/late></iframe>"
        "<div id=later><h2 id=h>x</h2></div>"
    )
    await page.evaluate(
        """async (frame) => {
          const wait = () => new Promise((go) => setTimeout(go, 120));
          const fill = (id, a, z) => {
            const inner = document.getElementById(id).contentDocument;
            inner.body.innerHTML = frame.replace('{}', a).replace('{}', z);
            return inner;
          };
          const one = fill('blocked', 'zq', 'qz'); const two = fill('shown', 'yq', 'qy');
          await wait();
          for (const [inner, a, z] of [[one, 'zq', 'qz'], [two, 'yq', 'qy']]) {
            inner.getElementById('p').textContent = a + 'text' + z;
            inner.getElementById('p').title = a + 'title' + z;
            inner.body.append(a + 'added' + z);
            const own = new inner.defaultView.CSSStyleSheet();
            own.replaceSync('p::after{content:"' + a + 'adopted' + z + '"}');
            inner.adoptedStyleSheets = [own];
            await wait();
            own.replaceSync('p::after{content:"' + a + 'replaced' + z + '"}');
          }
          later.dataset.stolper = late.dataset.stolper = 'block';
          late.contentDocument.body.append('zqlateframeqz');
          await wait();
          h.textContent = 'zqblockedlaterqz'; h.title = 'zqlatertitleqz';
          later.append('zqlateraddedqz');
        }""",
        frame,
    )
    text = await arrived(collector, page)

    assert canaries(text) == set()
    shown = set(re.findall("yq([a-z]+)qy", text))
    assert {"first", "text", "title", "added", "adopted", "late"} <= shown


async def test_urls_lose_tokens_parameters_and_bare_queries(
    collector: Collector, open_page: Open
) -> None:
    """Path parameters, tokens and a query without a name go; words, numbers and names stay."""
    page = await open_page(
        "<a href='/shoes;jsessionid=ZQsessionqz'>x</a><a href='/reset/zqabc123def456ghi789qz'>x</a>"
        "<a href='/blue-shirt-2024-size-xl2'>x</a><a href='/?zqbarequeryqz'>x</a>",
        path="/page?plain=1&zqqueryvalueqz",
    )
    await page.evaluate(
        "() => { history.pushState({}, '', '/reset/zq12abc34def56ghi78qz;a=zqparamqz?token=1');"
        " stolper('track', 'there'); history.pushState({}, '', '/shop/red-shoes-2024?zqvalueqz') }"
    )
    text = await arrived(collector, page)

    assert canaries(text) == set()
    assert "zqabc" not in text
    assert "abc34def56ghi78" not in text
    assert "/blue-shirt-2024-size-xl2" in text
    assert [event["path"] for event in collector.events("custom")] == ["/reset/:id"]
    pages = collector.events("page")
    assert [page.get("query_keys") for page in pages] == [["plain"], ["token"], None]
    assert pages[-1]["path"] == "/shop/red-shoes-2024"


async def test_messages_lose_what_they_quote(collector: Collector, open_page: Open) -> None:
    """Quoted text with apostrophes, JSON that broke and query strings are masked in errors."""
    page = await open_page("<p>x</p>")
    for message in (
        "don't know 'zqsinglequotedqz' here",
        "no user 'Max O'zqirishqz' here",
        'bad "zqdouble \\" zqinnerqz" here',
        "broken name=zqqueryqz&mail=zqmailqz here",
        "at /x?zqpathqueryqz here",
    ):
        await page.evaluate("text => { setTimeout(() => { throw new Error(text) }) }", message)
    await page.evaluate('() => { setTimeout(() => JSON.parse(\'{"name":"zqjsonqz" zqtailqz}\')) }')
    text = await arrived(collector, page)
    told = [event["message"] for event in collector.events("error")]

    assert canaries(text) == set()
    assert len(told) == 6
    assert 'Uncaught Error: don\'t know "…" here' in told
    assert 'Uncaught Error: no user "…" here' in told


async def test_scripted_and_long_input_counts_as_typed(
    collector: Collector, open_page: Open
) -> None:
    """What a password manager, a long text or a frame's field holds is repeated nowhere."""
    page = await open_page(
        "<input id=n><div id=e contenteditable=TRUE></div><iframe id=f></iframe>"
        "<button id=b>Plainword</button>"
    )
    await page.evaluate(
        "() => { f.contentDocument.body.innerHTML = '<input id=i><div id=d>x</div>';"
        " f.contentDocument.designMode = 'on' }"
    )
    await page.wait_for_timeout(200)
    await page.evaluate(
        "() => { n.value = 'zqmanagerqz'; n.dispatchEvent(new Event('input', {bubbles: true}));"
        " const i = f.contentDocument.getElementById('i'); i.value = 'zqframefieldqz';"
        " i.dispatchEvent(new Event('input', {bubbles: true}));"
        " f.contentDocument.getElementById('d').firstChild.data = 'zqdesignmodeqz' }"
    )
    await page.click("#e")
    await page.keyboard.insert_text("lorem " * 80 + "zqlongtextqz")
    await page.wait_for_timeout(200)
    await page.evaluate(
        "() => { for (const w of ['zqmanagerqz', 'zqlongtextqz', 'zqframefieldqz',"
        " 'zqdesignmodeqz', 'Plainword']) { const b = document.createElement('button');"
        " b.textContent = 'For ' + w; document.body.append(b) } }"
    )
    text = await arrived(collector, page)

    assert canaries(text) == set()
    assert "For Plainword" in text


@pytest.mark.parametrize("preset", ["strict", "standard", "open"])
async def test_places_typed_into_are_masked_however_they_are_written(
    collector: Collector, open_page: Open, preset: str
) -> None:
    """Upper-case contenteditable, designMode and role lists are typed into."""
    collector.configure(privacy=preset)
    page = await open_page(
        "<div contenteditable=TRUE><h2>zqupperqz</h2></div>"
        "<div contenteditable=Plaintext-Only><button>zqplainqz</button></div>"
        "<div role='textbox group'><h2>zqroleqz</h2></div>"
        "<noscript><h2>zqnoscriptqz</h2></noscript><xmp><h2>zqxmpqz</h2></xmp>"
        "<iframe>zqframetextqz</iframe><iframe id=f></iframe><h2 id=c>yqcontrolqy</h2>"
    )
    await page.evaluate(
        "() => { const d = f.contentDocument; d.designMode = 'on';"
        " d.body.innerHTML = '<h2>zqdesignqz</h2>' }"
    )
    text = await arrived(collector, page)

    assert canaries(text) == set()
    assert ("yqcontrolqy" in text) is (preset != "strict")


async def test_attributes_of_known_names_hold_known_values(
    collector: Collector, open_page: Open
) -> None:
    """A role, a media query or a geometry is shown only if it looks like one; URLs are cleaned."""
    page = await open_page(
        "<input id=n><div role='zqroleqz \u00fcber' target='a|zqtargetqz' style='color: zqjunkqz'>x</div>"
        "<svg id=s viewBox='0 0 10 10' role=img><path d='M0 0L5 5' transform='rotate(3)'"
        " fill=\"url(/x?name=zqfillqz)\"/><path d='zqgeometryqz'/><path id=later></path></svg>"
        "<a media='(min-width: 600px)' id=m>x</a><b type='zq&quot;typeqz' id=t>x</b>"
        "<div id=r role=group>x</div>"
    )
    await page.click("#n")
    await page.keyboard.type("zqtypedqz")
    await page.evaluate(
        "() => { r.setAttribute('role', 'zqtypedqz'); r.setAttribute('type', 'zqtypedqz');"
        " s.setAttribute('class', 'icon'); r.setAttribute('tabindex', '0') }"
    )
    await page.click("#r")
    await page.wait_for_timeout(2600)  # until the press is final
    text = await arrived(collector, page)

    assert canaries(text) == set()
    assert "typeqz" not in text
    for kept in ('"0 0 10 10"', '"M0 0L5 5"', '"rotate(3)"', '"(min-width: 600px)"', '"img"'):
        assert kept in text
    assert [event["target"]["key"] for event in collector.events("click")][-1] == "#r"


async def test_identify_sends_id_and_signature_only(collector: Collector, open_page: Open) -> None:
    """Traits stay in the browser, nested ones too, and mask what repeats them."""
    page = await open_page("<h1 id=h>x</h1>")
    await page.evaluate(
        "() => { stolper('identify', 'c1', {name: 'Zqtraitqz', at: {city: 'Zqcityqz'},"
        " segment: 'business'}, 'sig');"
        " h.textContent = 'Hello Zqcityqz'; document.title = 'Hello Zqtraitqz' }"
    )
    text = await arrived(collector, page)
    heads = [batch.head for batch in collector.batches]
    identities = [head["identity"] for head in heads if "identity" in head]

    assert canaries(text) == set()
    assert identities == [{"id": "c1", "signature": "sig"}]
    assert "business" in [head.get("attributes", {}).get("segment") for head in heads]


async def test_titles_are_told_by_their_mask(collector: Collector, open_page: Open) -> None:
    """Two titles that mask alike have one hash under standard, and two under open."""
    hashes: dict[str, list[str]] = {}
    for preset in ("standard", "open"):
        collector.configure(privacy=preset)
        page = await open_page("<p>x</p>")
        for title in ("For Anna", "For Bert"):
            await page.evaluate(
                "title => { document.title = title; history.pushState({}, '', '/' + title.length"
                " + Math.random()) }",
                title,
            )
        await page.wait_for_timeout(100)
        await page.evaluate("stolper('flush')")
        hashes[preset] = [event["title_hash"] for event in collector.events("page")[-2:]]

    assert len(set(hashes["standard"])) == 1
    assert len(set(hashes["open"])) == 2


FIELDS = (
    "<main><h1>yqheadqy</h1><div id=d role=link tabindex=0 title=zqtitleqz>zqlabelqz</div>"
    "<p id=p class=price>zqpriceqz 4711</p><select id=s name=s><option>zqoptionqz"
    "<option>zqotherqz</select><div style='height:3000px'>zqlongqz</div></main>"
)


@pytest.mark.parametrize("preset", ["strict", "standard"])
async def test_hands_and_moves_tell_no_words(
    collector: Collector, open_page: Open, preset: str
) -> None:
    """Copies, keys, choices, scrolling, rests, shakes and misses name places and hold no words."""
    collector.configure(privacy=preset)
    page = await open_page(FIELDS + "<input id=i>")
    await page.evaluate("getSelection().selectAllChildren(p)")
    await page.keyboard.press("Control+c")
    await page.focus("#d")
    for key in "zqz":
        await page.keyboard.press(key)
    await page.focus("#s")
    await page.keyboard.press("ArrowDown")
    await page.focus("#i")
    await page.keyboard.press("Control+v")
    box = await page.locator("#d").bounding_box()
    assert box
    await page.mouse.move(box["x"] + 20, box["y"] + 5)
    await page.wait_for_timeout(3100)
    for nth in range(10):
        await page.mouse.move(100 + nth % 2 * 200, 300)
        await page.wait_for_timeout(60)
    await page.mouse.click(box["x"] + 20, box["y"] + box["height"] + 6)
    await page.mouse.wheel(0, 400)
    await page.wait_for_timeout(2600)
    text = await arrived(collector, page)
    kinds = {event["type"] for event in collector.events()}
    causes = {event["cause"] for event in collector.events("field")}

    assert canaries(text) == set()
    assert {"copy", "key", "cursor", "click", "scroll", "field"} <= kinds
    assert "choice" in causes
    assert ("yqheadqy" in text) is (preset == "standard")
    assert "4711" not in text


async def test_nothing_that_happens_in_ignored_places_is_told(
    collector: Collector, open_page: Open
) -> None:
    """Copies, keys, choices, rests and shakes in an ignored area are not told; outside they are."""
    area = (
        "<div style='height:200px'{0}><p id=p{1}>words</p><button id=b{1}>B</button>"
        "<input type=checkbox id=c{1}></div>"
    )
    page = await open_page(area.format(" data-stolper=ignore", 1) + area.format("", 2))
    for nth in (1, 2):
        await page.evaluate("id => getSelection().selectAllChildren(window[id])", f"p{nth}")
        await page.keyboard.press("Control+c")
        await page.evaluate("getSelection().removeAllRanges()")
        await page.focus(f"#b{nth}")
        await page.keyboard.press("x")
        await page.keyboard.press("x")
        await page.focus(f"#c{nth}")
        await page.keyboard.press("Space")
        await page.hover(f"#b{nth}")
        await page.wait_for_timeout(3200)
        await page.mouse.move(600, 20 + 200 * (nth - 1))
    await page.wait_for_timeout(1200)
    await arrived(collector, page)
    told = [
        (event["type"], event["target"]["key"])
        for event in collector.events()
        if event["type"] in ("copy", "key", "cursor") or event.get("cause") == "choice"
    ]

    assert [("copy", "#p2"), ("cursor", "#b2"), ("field", "#c2"), ("key", "#b2")] == sorted(told)


async def test_requests_of_ours_name_no_page(
    collector: Collector, context: BrowserContext, tag: str
) -> None:
    """Whatever referrer policy the page has: recorder, batches and assets are asked for without one."""
    seen: dict[str, tuple[str | None, str | None]] = {}

    async def note(request: Request) -> None:
        headers = await request.all_headers()
        seen[urlsplit(request.url).path] = headers.get("referer"), headers.get("origin")

    collector.pages["/page"] = (
        "<!doctype html><html><head><meta name=referrer content=unsafe-url><title>x</title></head>"
        "<style>@font-face{font-family:F;src:url(/f.woff2)}p{font-family:F}</style>"
        f"<body>{tag.replace('/s/', f'{collector.url}/s/')}<p>x</p></body></html>"
    )
    collector.pages["/f.woff2"] = "no font, but a file that the page loads as one"
    here = collector.url.replace("127.0.0.1", "localhost")  # another origin than the collector's
    page = await context.new_page()
    page.on("requestfinished", note)
    async with page.expect_request("**/asset/*") as asked:
        await page.goto(f"{here}/page?name=zqrefererqz")
    asset = await (await asked.value).all_headers()
    await page.evaluate("stolper('flush')")
    await page.wait_for_timeout(100)  # until the last request has been noted

    assert (f"{here}/page?name=zqrefererqz", None) == seen[f"/s/{KEY}.js"]  # the page's own tag
    assert (None, None) == seen[collector.config["recorder"]]
    assert (None, here) == seen[f"/i/{KEY}"]
    assert not asset.get("referer")
