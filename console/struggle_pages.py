"""Owns the pages of struggles: the queue of what hurts visitors, and one struggle with its sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.auth import ENDERS, SIGNED_IN, has_role, may_edit
from console.connection_pages import checks
from console.context import console
from console.finding import PERIODS, Pair
from console.fix_words import LOOKS, outcome_text, ratio_text, short_text, verdict_text
from console.fixing import side_link, verdict_of, verdicts_of
from console.neighbours import belongs, session_link
from console.pages import render
from console.process_words import process_texts
from console.queue_query import CHOICES, NOBODY, PAGE_SIZE, Asked, asked_of, query_of
from console.queue_words import due_text, entry_text, hint_text, state_text, today_of
from console.session_pages import page_of, place, since
from console.transcript_pages import transcript_of
from console.transcript_words import Sentence
from core.model import SEVERITIES, Session, SessionQuery, Struggle
from core.triage import OPEN, SETTABLE, Queue, counted_since
from insight.impact import Impact, impact
from replay.known import Span

BEFORE_MS = 60_000
AFTER_MS = 3_000
LINES = 8
"""What of the example is told in words: so many lines of so long before its flag, and a little after."""

MOST_RELEASES = 10
"""Releases that are offered to choose from, the newest."""

BAR_HEIGHT = 20
BAR_WIDTH = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a sparkline, in its own pixels."""

    x: int
    y: float
    height: float
    value: int


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/struggles", show_list)
    app.router.add_get("/struggles/{struggle}", show_one)


def sparkline(trend: tuple[int, ...]) -> list[Bar]:
    """Return *trend* as bars as high as their share of the highest; nothing is a hairline."""
    top = max((*trend, 1))
    bars: list[Bar] = []
    for number, value in enumerate(trend):
        height = max(1.0, round(BAR_HEIGHT * value / top, 1)) if value else 1.0
        bars.append(Bar(number * (BAR_WIDTH + 1), BAR_HEIGHT - height, height, value))
    return bars


def struggle_link(struggle: str, since: str = "") -> str:
    """Return the address of a struggle's page, in the period *since*."""
    return f"/struggles/{struggle}" + (f"?{urlencode({'since': since})}" if since else "")


def example_link(struggle: Struggle, since: str = "") -> str:
    """Return the address of the session that shows *struggle* best, at its moment, in the struggle's list."""
    return session_link(
        struggle.example_session, _list_of(struggle, since), flag=struggle.example_flag
    )


def _list_of(struggle: Struggle, since: str) -> dict[str, str]:
    return {"struggle": struggle.key} | ({"since": since} if since else {})


async def show_list(request: web.Request) -> web.Response:
    """Show a page of the queue."""
    store, now_ms = console(request).store, console(request).clock.now_ms()
    asked, today = asked_of(request.query), today_of(now_ms)
    query = query_of(asked, now_ms, today)
    queue = await store.queue(query)
    language = console(request).languages.of(request)
    me = request[SIGNED_IN].user
    sites = await store.sites()
    empty = not queue.flagged and not await store.count_sessions(SessionQuery(), most=1)
    pages = -(-queue.total // PAGE_SIZE)
    page = query.offset // PAGE_SIZE + 1
    return render(
        request,
        "struggles.html",
        queue=queue,
        fixes={
            key: (LOOKS[told.outcome], short_text(told, language))
            for key, told in (await verdicts_of(request, queue.items)).items()
        },
        rows=[(one, sparkline(one.struggle.trend), due_text(one.triage, today, language)) for one in queue.items],
        tabs=_tabs(request, asked, queue),
        asked=asked,
        here=str(request.rel_url),
        previous=asked.link(page=str(page - 1) if page > 2 else "") if page > 1 else None,
        next=asked.link(page=str(page + 1)) if page < pages else None,
        outstanding=Asked({name: asked[name] for name in ("site", "since") if asked[name]}).link(
            state="all", reviewed="no"
        ),
        my_due=await store.due_reviews(me, today),
        me=me,
        nobody=NOBODY,
        users=[user.name for user in await store.users()],
        severities=SEVERITIES,
        settable=SETTABLE,
        sites=sites,
        checks=await checks(request, sites) if empty else [],
        periods=list(PERIODS),
        may_triage=await has_role(request, ENDERS),
        done=_number(request, "done"),
        state=lambda state: state_text(state, language.gettext),
        open=lambda one: struggle_link(one.key, asked["since"]),
        link=lambda one: example_link(one, asked["since"]),
    )  # fmt: skip


def _tabs(request: web.Request, asked: Asked, queue: Queue) -> list[tuple[str, str, int, bool]]:
    """Return the states to choose from: text, address, how many that lists, whether it is shown."""
    _ = console(request).languages.of(request).gettext
    texts = {"open": _("to do"), "all": _("all")}
    found = []
    for name, states in CHOICES.items():
        number = sum(queue.by_state[one] for one in states or queue.by_state)
        text = texts.get(name) or state_text(name, _)
        chosen = (asked["state"] or "open") == name
        found.append((text, asked.link(state="" if name == "open" else name), number, chosen))
    return found


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 7 else None


async def show_one(request: web.Request) -> web.Response:
    """Show one struggle, what people say of it, and exactly the sessions that have it in the period."""
    store, now_ms = console(request).store, console(request).clock.now_ms()
    key = request.match_info["struggle"]
    period, since_ms = since(request)
    one = await store.queued(key, since_ms=since_ms)
    if one is None:
        if period and await store.queued(key) is not None:  # it is older than the period
            raise web.HTTPSeeOther(struggle_link(key))
        raise web.HTTPNotFound
    query = SessionQuery(
        struggle=key,
        struck_since_ms=None if since_ms is None else counted_since(since_ms, now_ms),
        after=place(request, "after"),
        before=place(request, "before"),
    )
    page = await page_of(store, query)
    links = await _links(request, page.sessions, one.struggle, period)
    language = console(request).languages.of(request)
    today = today_of(now_ms)
    return render(
        request,
        "struggle.html",
        struggle=one.struggle,
        one=one,
        said=one.triage,
        is_open=one.triage.state in OPEN,
        hint=hint_text(one.triage.state, language.gettext),
        due=due_text(one.triage, today, language),
        today=today,
        bars=sparkline(one.struggle.trend),
        sessions=page.sessions,
        previous=_beside(key, period, page.previous),
        next=_beside(key, period, page.next),
        total=await store.count_sessions(query),
        links=links,
        watched=await store.watched_by(request[SIGNED_IN].user, list(links)),
        lines=await _example_told(request, one.struggle),
        **await _fix(request, key),
        impacts=await _impacts(request, one.struggle, since_ms),
        process_texts=process_texts(request),
        impact_link=partial(_impact_link, one.struggle.site, period),
        line_link=lambda line: session_link(
            one.struggle.example_session,
            _list_of(one.struggle, period),
            **({"flag": line.flag} if line.flag else {"at": str(line.place)}),
        ),
        entries=[(entry, entry_text(entry, language)) for entry in await store.triage_history(key)],
        releases=[one.name for one in (await store.releases(one.struggle.site))[:MOST_RELEASES]],
        users=[user.name for user in await store.users()],
        me=request[SIGNED_IN].user,
        settable=SETTABLE,
        periods=[(name, struggle_link(key, name)) for name in PERIODS],
        period=period,
        here=struggle_link(key, period),
        may_triage=await has_role(request, ENDERS),
        may_edit=await may_edit(request),
        done=_number(request, "done"),
        state=lambda state: state_text(state, language.gettext),
        link=example_link(one.struggle, period),
    )


async def _links(
    request: web.Request, sessions: Sequence[Session], struggle: Struggle, period: str
) -> dict[str, str]:
    """Return the address of each session at its first flag of *struggle*."""
    links = {}
    for session in sessions:
        flags = await console(request).store.flags(session.id)
        here = next(({"flag": flag.id} for flag in flags if belongs(flag, struggle)), {})
        links[session.id] = session_link(session.id, _list_of(struggle, period), **here)
    return links


async def _example_told(request: web.Request, struggle: Struggle) -> list[Sentence]:
    """Return what happened around the example's flag, in sentences; the audit log says who has read it."""
    store = console(request).store
    session = await store.session(struggle.example_session)
    flags = await store.flags(struggle.example_session)
    flag = next((one for one in flags if one.id == struggle.example_flag), None)
    if session is None or flag is None:
        return []
    first, last = flag.first_ms - session.started_ms, flag.until_ms - session.started_ms
    span = Span(max(0.0, first - BEFORE_MS), last + AFTER_MS)
    told = await transcript_of(request, session, console(request).languages.of(request), span)
    here = next((n for n, line in enumerate(told.lines) if line.flag == flag.id), 0)
    who, now_ms = request[SIGNED_IN].user, console(request).clock.now_ms()
    await store.audit(now_ms, who, "transcribed", session.id)
    return list(told.lines[max(0, here + 1 - LINES) : here + 2])


async def _impacts(request: web.Request, struggle: Struggle, since_ms: int | None) -> list[Impact]:
    """Return what *struggle* means for the processes in which it was met, those first where it was met by most."""
    store = console(request).store
    query = SessionQuery(site=struggle.site, since_ms=since_ms)
    found = [
        await impact(store, query, struggle.key, one.id)
        for one in console(request).workbench.processes()
    ]
    return sorted((one for one in found if one.met.some), key=lambda one: -one.met.some)


async def _fix(request: web.Request, struggle: str) -> dict[str, Any]:
    """Return what the page says of whether a fix of *struggle* has helped."""
    told = await verdict_of(request, struggle)
    if told is None:
        return {"fix": None}
    language = console(request).languages.of(request)
    return {
        "fix": told,
        "fix_look": LOOKS[told.outcome],
        "fix_outcome": outcome_text(told.outcome, language.gettext),
        "fix_text": verdict_text(told, language),
        "fix_ratio": ratio_text(told.ratio, language) if told.ratio else "",
        "side_link": side_link,
    }


def _impact_link(site: str, period: str, pairs: Sequence[Pair]) -> str:
    """Return the address of the sessions of *site* that *pairs* ask for."""
    since = [("since", period)] if period else []
    return f"/sessions?{urlencode([('site', site), *since, *pairs])}"


def _beside(key: str, period: str, parameters: dict[str, str] | None) -> str | None:
    """Return the address of the page of its sessions beside this one."""
    if parameters is None:
        return None
    given = ({"since": period} if period else {}) | parameters
    return f"/struggles/{key}" + (f"?{urlencode(given)}" if given else "")
