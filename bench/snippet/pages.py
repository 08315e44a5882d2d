"""The pages that are visited, and what a visitor does on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

WORDS = ["rope", "boot", "tent", "stove", "lamp", "map", "axe", "sock", "glove", "jacket", "bottle"]
TICKS = 30  # of a tenth of a second


def _words(nth: int, many: int) -> str:
    return " ".join(WORDS[(nth * 7 + one * 5) % len(WORDS)] for one in range(many))


def _page(title: str, body: str, *, head: str = "", script: str = "") -> str:
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title>"
        "<style>body{font:15px/1.5 sans-serif;margin:2rem}.card{border:1px solid #ccc;padding:4px}"
        f"td{{padding:0 8px}}.hot{{background:#fec}}</style>{head}<!--recorder--></head>"
        f"<body>{body}<script>{script}</script></body></html>"
    )


def static() -> str:
    """Return a page of some 120 elements that does nothing."""
    items = "".join(
        f"<li><a href='/item/{nth}'>{_words(nth, 3)}</a> <b>{nth * 3} left</b></li>"
        for nth in range(30)
    )
    text = "".join(f"<p>{_words(nth, 40)}</p>" for nth in range(12))
    return _page("Static", f"<h1>Shop</h1><nav><ul>{items}</ul></nav><main>{text}</main>")


def nodes() -> str:
    """Return a page of 5,000 elements with classes, attributes and texts of their own."""
    cards = "".join(
        f"<div class='card c{nth % 17}' data-nth='{nth}'><h3 class=name>{_words(nth, 2)}</h3>"
        f"<p title='{_words(nth + 3, 2)}'>{_words(nth, 6)}</p><button type=button>Add</button>"
        f"<span class=price>{nth * 7 % 300}</span></div>"
        for nth in range(1000)
    )
    return _page("5,000 nodes", f"<h1>All</h1><main>{cards}</main>")


def mutate() -> str:
    """Return a page whose 200 rows change ten times a second for three seconds once asked."""
    rows = "".join(
        f"<tr id=r{nth}><td>{_words(nth, 2)}</td><td class=n>0</td><td>0</td></tr>"
        for nth in range(200)
    )
    script = (
        "const rows=[...document.querySelectorAll('tr')];"
        "window.work=()=>new Promise((done)=>{let tick=0;const timer=setInterval(()=>{tick++;"
        "rows.forEach((row,nth)=>{row.cells[1].textContent=String(tick*nth%997);"
        "row.cells[2].textContent=String((tick+nth)%89);"
        "row.className=(tick+nth)%3?'':'hot';});"
        f"if(tick>={TICKS}){{clearInterval(timer);done();}}}},100);}});"
    )
    return _page("Rows", f"<h1>Prices</h1><table>{rows}</table>", script=script)


TYPED = "zwiebel kuchen"  # words that stand nowhere else: those would be masked there, too
FIELDS = ("name", "street", "town", "mail", "note")


def form() -> str:
    """Return a form with five fields, a message at each and a summary that follows the input."""
    fields = "".join(
        f"<p><label for={name}>Your {name}</label> <input id={name} name={name}>"
        f"<span id={name}-said></span></p>"
        for name in FIELDS
    )
    script = (
        "document.querySelector('form').addEventListener('input',({target})=>{"
        "document.getElementById(target.id+'-said').textContent=target.value.length+' typed';"
        "document.getElementById('sum').textContent=String(Math.random()).slice(2,6);});"
        "document.querySelector('form').addEventListener('submit',(event)=>{"
        "event.preventDefault();const done=document.createElement('p');done.setAttribute('role',"
        "'status');done.textContent='Thank you';event.target.append(done);});"
    )
    body = f"<h1>Order</h1><form>{fields}<p id=sum>0</p><button>Order now</button></form>"
    return _page("Form", body, script=script)


def sheets() -> str:
    """Return the static page with three style sheets of some 40 KB each, as sites have them."""
    links = "".join(f"<link rel=stylesheet href='/sheet{nth}.css'>" for nth in range(3))
    return static().replace("<!--recorder-->", f"{links}<!--recorder-->")


def sheet(nth: int) -> str:
    """Return the text of sheet *nth*."""
    return "\n".join(
        f".{WORDS[(nth + one) % len(WORDS)]}-{nth}-{one}{{margin:{one % 31}px;color:#{one * 2741 % 4096:03x};"
        f"padding:{one % 7}px {one % 11}px;border-radius:{one % 13}px}}"
        for one in range(500)
    )


async def nothing(page: Page) -> None:
    """Look at the page only."""


async def reading(page: Page) -> None:
    """Scroll and press somewhere, as whoever reads does."""
    await page.mouse.move(400, 300)
    await page.mouse.wheel(0, 300)
    await page.click("h1")


async def ticking(page: Page) -> None:
    """Let the rows change."""
    await page.evaluate("work()")


async def typing(page: Page) -> None:
    """Fill the form by keys and send it."""
    for name in FIELDS:
        await page.click(f"#{name}")
        await page.keyboard.type(TYPED, delay=15)
    await page.click("button")


@dataclass(frozen=True)
class Scene:
    """A page and what is done on it."""

    markup: Callable[[], str]
    act: Callable[[Page], Awaitable[None]]


SCENES = {
    "static": Scene(static, nothing),
    "nodes": Scene(nodes, nothing),
    "mutate": Scene(mutate, ticking),
    "form": Scene(form, typing),
    "sheets": Scene(sheets, reading),
}
