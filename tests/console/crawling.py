"""Goes from page to page of the console by its own links, and says what is wrong on each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from math import ceil
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from babel.support import NullTranslations
from playwright.async_api import Error, Page

from tests.console.focus import walked
from tests.console.motion import moving

BEGIN, END = "⟦", "⟧"

MOST_OF_A_KIND = 2
"""Pages of one route that are looked at."""

SAME_PAGE = ("lang=", "theme=", "list=")
"""Parameters that make no other page."""

_UNTRANSLATED = """(known) => {
  const raw = "code, pre, kbd, time, script, style, noscript, textarea, #stage, [lang]:not(html), [translate=no]";
  const one = (text) => text.replace(/\\s+/gu, " ");
  const found = [];
  const look = (text, element) => {
    let left = one(text);
    for (let before = ""; before !== left; ) // texts stand in one another
      [before, left] = [left, left.replace(/⟦[^⟦⟧]*⟧/gu, "")];
    for (const data of known) left = left.replaceAll(data, "");
    const stripped = left.replace(/longer|⟦|⟧/gu, "").trim();
    if (!/\\p{L}{3,}/u.test(stripped) || element.closest(raw)) return;
    found.push(`${element.tagName.toLowerCase()}.${element.className}: ${stripped.slice(0, 80)}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (node.parentElement) look(node.data, node.parentElement);
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const element of document.querySelectorAll(`[${name}]`))
      look(element.getAttribute(name), element);
  look(document.title, document.body);
  return found;
}"""


class Longer(NullTranslations):
    """A language in which every text is the English one in brackets, and 35 % longer."""

    def gettext(self, message: str) -> str:
        return BEGIN + message + " longer" * ceil(0.35 * len(message) / 7) + END

    def ngettext(self, msgid1: str, msgid2: str, num: int) -> str:
        return self.gettext(msgid1 if num == 1 else msgid2)

    ugettext = gettext
    ungettext = ngettext


@dataclass
class Crawl:
    """One way through all pages. *known* are texts that are data: they stand in no catalogue."""

    page: Page
    base: str
    known: tuple[str, ...] = ()
    axe: bool = True
    walks: bool = False  # by the Tab key, over each page: about half a second
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note from now on what the browser says, and whom it asks; what is wrong is in `wrong` afterwards."""
        host = urlsplit(self.base).netloc
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self._note(f"threw {error}"))
        self.page.on(
            "request",
            lambda request: (
                self._note(f"asked {request.url}")
                if urlsplit(request.url).netloc not in {host, ""}
                else None
            ),
        )

    async def run(self, starts: Iterable[str]) -> None:
        """Look at *starts* and at whatever is linked from there."""
        async for _ in self._paths(starts):
            await self.look()

    async def _paths(self, starts: Iterable[str]) -> AsyncIterator[str]:
        waiting = list(starts)
        begun: set[str] = set()
        while waiting:
            path = waiting.pop(0)
            if path in begun or self.seen[kind(path)] >= MOST_OF_A_KIND:
                continue
            begun.add(path)
            if not await self._opens(path):
                continue
            self.seen[kind(path)] += 1
            yield path
            waiting += await self._links()

    async def _opens(self, path: str) -> bool:
        """Open *path*; a file to be saved is no page."""
        try:
            answer = await self.page.goto(self.base + path)
        except Error as error:
            if "Download is starting" in str(error):
                return False
            raise
        return answer is not None and "html" in answer.headers.get("content-type", "")

    async def _links(self) -> list[str]:
        links: list[str] = await self.page.eval_on_selector_all(
            "a[href]:not([download])",
            "all => all.map((one) => one.href.baseVal === undefined ? one.href : new URL(one.href.baseVal, location).href)",
        )
        found = []
        for link in links:
            parts = urlsplit(link)
            if f"{parts.scheme}://{parts.netloc}" == self.base and not any(
                one in parts.query for one in SAME_PAGE
            ):
                found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        return found

    async def look(self) -> None:
        """Note what is wrong with the page that is open, and whether it is wider than the screen."""
        await self.page.wait_for_load_state("load")
        if await self.page.locator("#stage-box").count():
            await self.page.wait_for_selector(
                '#stage-box[data-view="shown"], #stage-box [role=status]:not([hidden])'
            )
        if self.known:
            for text in await self.page.evaluate(
                _UNTRANSLATED, sorted(self.known, key=len, reverse=True)
            ):
                self._note(f"not translated: {text}")
        wide = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self._note(f"{wide} px wider than the screen")
        for text in await moving(self.page):
            self._note(f"moves: {text}")
        if self.axe:
            results = await Axe().run(self.page, context={"exclude": [["#stage"]]})
            for found in results.response["violations"]:
                nodes = [node["html"][:120] for node in found["nodes"][:3]]
                self._note(f"axe: {found['id']} {nodes}")
        if self.walks and not await self.page.locator("dialog[open]").count():
            for text in await walked(self.page):
                self._note(text)

    def _told(self, message: object) -> None:
        kind_ = getattr(message, "type", "")
        text = getattr(message, "text", "")
        if (
            kind_ == "error" and "404" not in text
        ):  # the page of what is not there is one of the pages
            self._note(f"console: {text}")

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self.page.url.removeprefix(self.base)}: {what}")


def kind(path: str) -> str:
    """Return what *path* has in common with others of its route."""
    return re.sub(r"(?<=/)(?:[0-9a-f-]{8,}|v\d+|\d+)(?=/|$)", "*", urlsplit(path).path)
