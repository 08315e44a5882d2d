"""Owns what pages about all pages of a site share, as process_frame.py does for one process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.context import console
from console.facets import filters_of, value_text
from console.finding import Asked, Pair
from console.list_pages import period_texts, struggle_titles
from console.pages import render
from console.process_words import process_texts
from console.session_pages import known_rules


async def site_framed(
    request: web.Request, asked: Asked, template: str, chosen: Mapping[str, str], **more: Any
) -> web.Response:
    """
    Return a page about the sessions that are *asked* for. *chosen* is what the page itself lets choose.

    The template has `listed` and `here` as those of one process have.
    """
    language = console(request).languages.of(request)
    _, texts = language.gettext, process_texts(request)
    rules = await known_rules(
        request, [], (*asked.find.included("rule"), *asked.find.excluded("rule"))
    )
    struggles = await struggle_titles(request, asked)
    text, periods = value_text(rules, texts, language, struggles=struggles), period_texts(_)

    def here(but: Pair | None = None, **changed: str) -> str:
        pairs = [*(one for one in asked.pairs if one != but), *{**chosen, **changed}.items()]
        return request.path + (f"?{urlencode(pairs)}" if pairs else "")

    return render(
        request,
        template,
        asked=asked,
        periods=periods,
        texts=texts,
        filters=[one for one in filters_of(asked, text, periods, _) if one.pair[0] not in ("site", "since")],
        here=here,
        keep=[*asked.pairs, *chosen.items()],
        listed=lambda *pairs: asked.link(also=pairs),
        sites=await console(request).store.sites(),
        unindexed=await console(request).store.unindexed(),
        **more,
    )  # fmt: skip
