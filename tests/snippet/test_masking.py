"""
What each preset lets through, class by class: docs/privacy.md as a test.

Every place of the page holds a canary of its own; what arrives at the collector, as sent, is
searched for them.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Where a canary stands -> presets that let it through. {c} is the canary: letters only, so that
# digits alone do not decide.
PLACES: dict[str, tuple[str, set[str]]] = {
    "paragraph": ("<p>{c}</p>", {"open"}),
    "cell": ("<table><tr><td>{c}</td></tr></table>", {"open"}),
    "link in content": ("<p><a href=/x>{c}</a></p>", {"open"}),
    "navigation link": ("<nav><a href=/x>{c}</a></nav>", {"standard", "open"}),
    "button": ("<button>{c}</button>", {"standard", "open"}),
    "role button": ("<div role=button>{c}</div>", {"standard", "open"}),
    "label": ("<label>{c}</label>", {"standard", "open"}),
    "legend": ("<fieldset><legend>{c}</legend></fieldset>", {"standard", "open"}),
    "heading": ("<h3>{c}</h3>", {"standard", "open"}),
    "button with digits": ("<button>{c} 12</button>", {"open"}),
    "button with mail": ("<button>{c}@example.org</button>", {"open"}),
    "option": ("<select><option>x</option><option>{c}</option></select>", {"open"}),
    "option in label": ("<label>A<select><option>x<option>{c}</select></label>", {"open"}),
    "svg text": ("<svg><text y=20>{c}</text></svg>", {"open"}),
    "masked area": ("<h3 data-stolper=mask>{c}</h3>", set()),
    "released area": ("<p data-stolper=unmask>{c}</p>", {"standard", "open", "strict"}),
    "masked in released": (
        "<div data-stolper=unmask><p data-stolper=mask>{c}</p></div>",
        set(),
    ),
    "blocked": ("<div data-stolper=block><h3>{c}</h3></div>", set()),
    "contenteditable": ("<div contenteditable=true>{c}</div>", set()),
    "contenteditable heading": ("<div contenteditable=true><h3>{c}</h3></div>", set()),
    "text input": ("<input value='{c}'>", set()),
    "hidden input": ("<input type=hidden value='{c}'>", set()),
    "textarea": ("<textarea>{c}</textarea>", set()),
    "password": ("<input type=password value='{c}' data-stolper=unmask>", set()),
    "card": ("<input autocomplete=cc-number value='{c}' data-stolper=unmask>", set()),
    "one-time code": ("<input autocomplete=one-time-code value='{c}'>", set()),
    "released input": ("<input value='{c}' data-stolper=unmask>", {"strict", "standard", "open"}),
    "input in released area": ("<div data-stolper=unmask><input value='{c}'></div>", set()),
    "radio value": ("<input type=radio value='{c}'>", set()),
    "submit value": ("<input type=submit value='{c}'>", {"standard", "open"}),
    "button value": ("<button value='{c}'>x</button>", {"standard", "open"}),
    "option value": ("<select><option value='{c}'>x</option></select>", {"open"}),
    "datalist": ("<datalist><option value='{c}'></datalist>", {"open"}),
    "placeholder": ("<input placeholder='{c}'>", {"open"}),
    "title": ("<p title='{c}'>x</p>", {"open"}),
    "alt": ("<img alt='{c}'>", {"open"}),
    "aria-label of content": ("<div aria-label='{c}'>x</div>", {"open"}),
    "aria-label of button": ("<button aria-label='{c}'>x</button>", {"standard", "open"}),
    "aria-description": ("<button aria-description='{c}'>x</button>", {"open"}),
    "aria-valuetext": ("<div role=slider aria-valuetext='{c}'>x</div>", {"open"}),
    "data attribute": ("<p data-customer='{c}'>x</p>", {"open"}),
    "unknown attribute": ("<p customer='{c}'>x</p>", {"open"}),
    "handler": ("<p onclick='save(\"{c}\")'>x</p>", set()),
    "srcdoc": ("<iframe srcdoc='<i data-x={c}>x</i>'></iframe>", {"open"}),
    "query value": ("<a href='/x?name={c}'>x</a>", set()),
    "fragment": ("<a href='/x#name={c}'>x</a>", set()),
    "mail in path": ("<a href='/u/{c}@example.org'>x</a>", set()),
    "mailto": ("<a href='mailto:{c}@example.org'>x</a>", set()),
    "javascript link": ("<a href='javascript:go(\"{c}\")'>x</a>", set()),
    "image query": ("<img src='/status/404?name={c}'>", set()),
    "srcset query": ("<img srcset='/status/404?name={c} 2x'>", set()),
    "form action": ("<form action='/x?name={c}'></form>", set()),
    "id with mail": ("<p id='u-{c}@example.org'>x</p>", set()),
    "class with number": ("<p class='u-{c}-123456'>x</p>", set()),
    "style url": ("<p style=\"background:url('/x?name={c}')\">x</p>", set()),
    "style property": ("<p style='--name: {c}'>x</p>", {"open"}),
    "css content": ("<style>.a::after{{content:'{c}'}}</style>", {"open"}),
    "css comment": ("<style>.c{{color:red}}/* {c} */</style>", set()),
    "css url": ("<style>.b{{background:url(/x?name={c})}}</style>", set()),
    "comment": ("<!-- {c} -->", set()),
    "script": ("<script>var a = '{c}'</script>", set()),
    "template": ("<template><h3>{c}</h3></template>", set()),
    "meta": ("<meta name=description content='{c}'>", set()),
}


def canary(name: str, where: str) -> str:
    """Return a word that occurs nowhere else."""
    word = re.sub("[^a-z]", "", name.lower())
    return f"zq{where}{word}qz"


def canaries(where: str) -> tuple[str, dict[str, str]]:
    """Return markup with a canary in every place, and the canary of each."""
    words = {name: canary(name, where) for name in PLACES}
    return "".join(PLACES[name][0].format(c=words[name]) for name in PLACES), words


def sent(collector: Collector) -> str:
    """Return everything that reached the collector, as text."""
    return json.dumps([[batch.head, batch.recording] for batch in collector.batches])


@pytest.mark.parametrize("preset", ["strict", "standard", "open"])
async def test_each_class_in_snapshot_and_mutation(
    collector: Collector, open_page: Open, preset: str
) -> None:
    """The snapshot, nodes added later, a frame and a shadow root let through the same classes."""
    collector.configure(privacy=preset)
    markup, first = canaries("snap")
    late, second = canaries("late")
    shadow, third = canaries("shadow")
    page = await open_page(markup + "<div id=later></div><div id=host></div>")
    await page.evaluate("html => { later.innerHTML = html }", late)
    await page.evaluate("html => { host.attachShadow({mode: 'open'}).innerHTML = html }", shadow)
    await page.wait_for_timeout(400)
    await page.evaluate("stolper('flush')")
    text = sent(collector)

    for words in (first, second, third):
        through = {name for name, word in words.items() if word in text}
        expected = {name for name, (_, presets) in PLACES.items() if preset in presets}
        assert expected == through
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0


@pytest.mark.parametrize("preset", ["strict", "standard"])
async def test_changes_are_masked_as_snapshots_are(
    collector: Collector, open_page: Open, preset: str
) -> None:
    """Text, attribute, style, rule and value changes let nothing personal through."""
    collector.configure(privacy=preset)
    page = await open_page(
        "<p id=p title=a>one</p><style id=s>p{color:red}</style><img id=i alt=a><input id=f>"
        "<input id=r type=radio name=r value=a><a id=l href=/x>x</a>"
    )
    await page.evaluate(
        "() => { p.firstChild.data = 'zqtextqz'; p.title = 'zqtitleqz'; i.alt = 'zqaltqz';"
        " p.style.setProperty('--who', 'zqpropertyqz'); p.dataset.who = 'zqdataqz';"
        " p.style.backgroundImage = 'url(/x?who=zqurlqz)'; l.href = '/x?who=zqhrefqz';"
        " const sheet = s.sheet; sheet.insertRule('p::after{content: \"zqruleqz\"}');"
        " sheet.cssRules[0].style.setProperty('content', '\"zqdeclarationqz\"');"
        " const own = new CSSStyleSheet(); own.replaceSync('p::before{content:\"zqadoptedqz\"}');"
        " document.adoptedStyleSheets = [own];"
        " own.replaceSync('p::before{content:\"zqreplacedqz\"}');"
        " f.value = 'zqvalueqz'; r.value = 'zqradioqz'; r.checked = true;"
        " r.dispatchEvent(new Event('change', {bubbles: true}));"
        " document.title = 'zqtitletagqz'; s.firstChild.data = 'b{} /* zqcommentqz */';"
        " history.pushState({}, '', '/route?who=zqrouteqz#zqhashqz') }"
    )
    await page.wait_for_timeout(400)
    await page.evaluate("stolper('flush')")
    found = set(re.findall("zq[a-z]+qz", sent(collector)))

    assert found == set()
    assert len(collector.recording()) > 4


async def test_masked_text_keeps_its_length_and_spaces(
    collector: Collector, open_page: Open
) -> None:
    """Layout survives: each letter is replaced by one, spaces stay."""
    await open_page("<p id=p>Two  words\n here</p><input value='a b'>")
    await collector.until(lambda: collector.stored)
    text = sent(collector)

    assert '"xxx  xxxxx\\n xxxx"' in text.replace("\\\\", "\\")
    assert json.dumps("• •") in text


@pytest.mark.parametrize("preset", ["standard", "open"])
async def test_what_was_typed_is_repeated_nowhere(
    collector: Collector, open_page: Open, preset: str
) -> None:
    """Labels, messages, titles, errors, URLs and typed-into text never hold what was typed."""
    collector.configure(privacy=preset)
    page = await open_page(
        "<input id=name><div id=e contenteditable=true></div><button id=b>Go</button>"
        "<div role=alert id=m></div><h1 id=h>x</h1>"
    )
    await page.click("#name")
    await page.keyboard.type("Zaphodia")
    await page.click("#e")
    await page.keyboard.type("Beeblebrox")
    await page.evaluate(
        "() => { for (const w of ['Zaphodia', 'Beeblebrox']) {"
        " document.title = 'Hello ' + w; b.textContent = 'Go on as ' + w; b.title = w;"
        " b.setAttribute('aria-label', 'Go as ' + w);"
        " m.textContent = w + ' is unknown'; console.error(w);"
        " history.pushState({}, '', '/u/' + w + '?q=' + w);"
        " fetch('/status/200/' + w + '?q=' + w).catch(() => {});"
        " setTimeout(() => { throw new Error('no ' + w) });"
        " stolper('track', 'x', {who: w}) } }"
    )
    await page.click("#b")
    await page.wait_for_timeout(300)
    await page.evaluate("stolper('flush')")
    heads = json.dumps([batch.head for batch in collector.batches])

    for word in ("Zaphodia", "Beeblebrox"):
        assert word.lower() not in heads.lower()
    if preset == "standard":
        assert "zaphodia" not in sent(collector).lower()
        assert "beeblebrox" not in sent(collector).lower()


async def test_traits_of_identify_are_masked_in_released_text(
    collector: Collector, open_page: Open
) -> None:
    """A heading that carries a trait given to identify is masked from then on."""
    page = await open_page("<h1 id=h>Welcome</h1>")
    await page.evaluate("stolper('identify', 'c1', {name: 'Marvinia'})")
    await page.evaluate("document.getElementById('h').textContent = 'Welcome Marvinia'")
    await page.wait_for_timeout(100)
    await page.evaluate("stolper('flush')")
    recorded = json.dumps(collector.recording())

    assert "Marvinia" not in recorded
    assert "Welcome" in recorded


async def test_ignored_elements_make_no_events(collector: Collector, open_page: Open) -> None:
    """data-stolper=ignore: no presses, no fields."""
    page = await open_page("<div data-stolper=ignore><button id=b>Go</button><input id=i></div>")
    await page.click("#b")
    await page.click("#i")
    await page.keyboard.type("abc")
    await page.keyboard.press("Tab")
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('flush')")

    assert collector.events("click") + collector.events("field") == []


async def test_a_choice_shows_where_its_select_itself_does(
    collector: Collector, open_page: Open
) -> None:
    """The option that is chosen when a page is told is marked in an unmasked select and nowhere else."""
    options = "<option>One<option {}>Two"
    body = (
        f"<select id=masked>{options.format('selected')}</select>"
        f"<div data-stolper=unmask><select id=inherits>{options.format('selected')}</select></div>"
        f"<select id=shown data-stolper=unmask>{options.format('')}</select>"
        "<script>for (const one of document.querySelectorAll('select')) one.selectedIndex = 1</script>"
    )
    page = await open_page(body)
    await page.evaluate("stolper('flush')")
    marked: list[tuple[str, int]] = []

    def look(node: dict[str, Any], select: str = "") -> None:
        attributes = node.get("attributes", {})
        if node.get("tagName") == "select":
            select = attributes["id"]
        children = node.get("childNodes", [])
        for nth, child in enumerate(one for one in children if one.get("tagName") == "option"):
            if "selected" in child["attributes"]:
                marked.append((select, nth))
        for child in children:
            look(child, select)

    [snapshot] = [event["data"]["node"] for event in collector.recording() if event["type"] == 2]
    look(snapshot)

    assert [("shown", 1)] == marked
