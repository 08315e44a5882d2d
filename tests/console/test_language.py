"""German and English: complete catalogues, and the choice between them."""

from __future__ import annotations

import re

import aiohttp

from console import catalogue
from console.language import Language
from tests.console.support import Running, Visit


def test_no_text_is_untranslated() -> None:
    """Every text that pages and code ask for has a translation; none is left over."""
    wanted = {message.id for message in catalogue.extract() if message.id}
    for path in catalogue.po_files():
        known = {message.id: message for message in catalogue.read(path) if message.id}

        assert set(known) == wanted
        for message in known.values():
            string = message.string or ""
            texts = [string] if isinstance(string, str) else list(string)
            assert all(texts), message.id


def test_translations_keep_their_places() -> None:
    """A translation has the same %(name)s places as its original."""
    for path in catalogue.po_files():
        for message in catalogue.read(path):
            if not message.id or not isinstance(message.id, str):
                continue
            place = re.compile(r"%\(\w+\)s")

            assert sorted(place.findall(str(message.string))) == sorted(place.findall(message.id))


async def test_language_is_chosen(console: Running, http: aiohttp.ClientSession) -> None:
    """The address decides, then what was chosen before, then the browser; English otherwise."""
    await console.sign_in(http)
    await Visit(console.store, "v1").send([{"t": 0, "type": "page"}])

    async def language(path: str, accept: str = "") -> str:
        async with http.get(console.url + path, headers={"Accept-Language": accept}) as answer:
            found = re.search(r'<html lang="(\w+)"', await answer.text())

            assert found
            return found[1]

    assert await language("/sessions") == "en"
    assert await language("/sessions", "fr, de-AT;q=0.8, en;q=0.5") == "de"
    assert await language("/sessions?lang=de") == "de"
    assert await language("/sessions", "en") == "de"
    assert await language("/sessions/v1?lang=en") == "en"


async def test_switch_keeps_the_page(console: Running, http: aiohttp.ClientSession) -> None:
    """The language switch leads to the same page with the same filters."""
    await console.sign_in(http)
    async with http.get(console.url + "/sessions?flagged=yes&lang=de") as answer:
        html = await answer.text()

    assert 'href="/sessions?flagged=yes&amp;lang=en"' in html
    assert "Auffälligkeiten" in html


def test_counts_in_pages_are_written_as_people_write_numbers() -> None:
    """With the separators of the language; what else stands in the sentence is still escaped."""
    sentence = '{{ ngettext("%(num)s session", "%(num)s sessions", n) }}'
    named = '{{ ngettext("%(name)s: one", "%(name)s: %(num)s", n, name=name) }}'
    for code, many in (("en", "12,345 sessions"), ("de", "12.345 Sitzungen")):
        template = Language(code)._pages.from_string(sentence)

        assert many == template.render({"n": 12345})
        assert "1 " == template.render({"n": 1})[:2]
    hostile = Language("en")._pages.from_string(named)
    assert "&lt;b&gt;: 1,000" == hostile.render({"n": 1000, "name": "<b>"})
