"""Owns what the pages of one process share: which sessions are asked for, its head, the ways between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from console.auth import EDITORS, has_role
from console.context import console
from console.facets import filters_of, value_text
from console.finding import Asked, Pair, asked_of
from console.list_pages import period_texts, struggle_titles
from console.pages import render
from console.process_words import ProcessTexts, process_texts
from console.session_pages import known_rules
from console.workbench import ProcessState
from core.model import SessionQuery

Text = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Frame:
    """The *process* that is shown, its step *names* in order, and the sessions asked for, as words and as *query*."""

    process: ProcessState
    names: tuple[str, ...]
    asked: Asked
    query: SessionQuery


def views(_: Text) -> list[tuple[str, str]]:
    """Return the pages of a process: the last part of their address and what they are called."""
    return [
        ("", _("Funnel")),
        ("causes", _("Causes")),
        ("forms", _("Forms")),
        ("effort", _("Effort")),
        ("paths", _("Paths")),
        ("maps", _("Maps")),
    ]


def process_of(request: web.Request) -> ProcessState | None:
    """Return the process that the address names, None if none of that name is in force."""
    id_ = request.match_info["process"]
    return next((one for one in console(request).workbench.processes() if one.id == id_), None)


def frame_of(request: web.Request) -> Frame:
    """Return what *request* asks for. Raise HTTPNotFound if there is no such process."""
    process = process_of(request)
    if process is None:
        raise web.HTTPNotFound
    asked = asked_of(request, request.query)
    names = tuple(name for name, _ in process.steps)
    return Frame(process, names, asked, plain(asked))


def plain(asked: Asked) -> SessionQuery:
    """Return what *asked* asks for, all of it of the index: its counts agree with one another."""
    query = replace(asked.query, rule=None, score_min=None, flagged=None, order="newest")
    return replace(query, find=asked.find or None)


def process_link(process: str, pairs: Sequence[Pair] = (), view: str = "", **more: str) -> str:
    """Return the address of a page of *process* that asks for *pairs*."""
    told = urlencode([*pairs, *(one for one in more.items() if one[1])])
    path = f"/processes/{quote(process)}" + (f"/{view}" if view else "")
    return path + (f"?{told}" if told else "")


async def framed(
    request: web.Request,
    frame: Frame,
    template: str,
    view: str = "",
    *,
    chosen: Mapping[str, str] | None = None,
    **more: Any,
) -> web.Response:
    """
    Return a page of a process. *chosen* is what the page itself lets choose, kept in its links and forms.

    The template (of process_frame.html) has `listed(*pairs)`, the list of the sessions of the page that
    have *pairs*, too; `only(field, value, *pairs)`, the same with another value of a filter; and
    `here(but, **changed)`, the page without one filter or with something else chosen.
    """
    asked, process = frame.asked, frame.process
    kept = dict(chosen or {})
    language = console(request).languages.of(request)

    def listed(*pairs: Pair) -> str:
        return asked.link(also=pairs)

    def only(field: str, value: str, *pairs: Pair) -> str:
        others = [one for one in asked.pairs if one[0] == field]
        return asked.link(also=[(field, value), *pairs], but=others)

    def here(but: Pair | None = None, **changed: str) -> str:
        pairs = [one for one in asked.pairs if one != but]
        return process_link(process.id, pairs, view, **{**kept, **changed})

    return render(
        request,
        template,
        process=process,
        view=view,
        views=[
            (name, title, process_link(process.id, asked.pairs, name))
            for name, title in views(language.gettext)
        ],
        keep=[*asked.pairs, *kept.items()],
        listed=listed,
        only=only,
        here=here,
        may_edit=await has_role(request, EDITORS),
        sites=await console(request).store.sites(),
        unindexed=await console(request).store.unindexed(),
        **periods_of(request, asked),
        **await _words(request, asked),
        **more,
    )


def periods_of(request: web.Request, asked: Asked) -> dict[str, Any]:
    """Return what the choice of a period needs."""
    return {
        "asked": asked,
        "periods": period_texts(console(request).languages.of(request).gettext),
    }


async def _words(request: web.Request, asked: Asked) -> dict[str, Any]:
    """Return what the page says of its filters, and of values."""
    language = console(request).languages.of(request)
    _ = language.gettext
    texts: ProcessTexts = process_texts(request)
    chosen = (*asked.find.included("rule"), *asked.find.excluded("rule"))
    rules: Mapping[str, tuple[str, str]] = await known_rules(request, [], chosen)
    struggles = await struggle_titles(request, asked)
    text = value_text(rules, texts, language, struggles=struggles)
    shown = replace(
        asked, pairs=tuple(one for one in asked.pairs if one[0] not in ("site", "since"))
    )
    return {"texts": texts, "text": text, "filters": filters_of(shown, text, period_texts(_), _)}
