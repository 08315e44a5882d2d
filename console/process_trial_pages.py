"""Owns the lists behind the numbers of a tried process: exactly the sessions that each counted."""

from __future__ import annotations

from aiohttp import web

from console.auth import SIGNED_IN, require_editor
from console.context import console
from console.neighbours import session_link
from console.pages import render
from console.process_trials import TRIALS, rows, sessions_of
from console.proposals import words
from console.session_pages import PAGE_SIZE, known_rules, total_text
from console.words import Words


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/processes/{process}/trials/{trial}", show)


async def show(request: web.Request) -> web.Response:
    """List the sessions of one number, newest first. Raise HTTPNotFound for a trial that is kept no longer."""
    await require_editor(request)
    kept = request.app[TRIALS].get(request.match_info["trial"], request[SIGNED_IN].user)
    what, side, step = (request.query.get(name, "") for name in ("what", "side", "step"))
    ids = sessions_of(kept.trial, what, side, step) if kept is not None else None
    if kept is None or ids is None:
        raise web.HTTPNotFound
    store = console(request).store
    number = request.query.get("page", "")
    first = PAGE_SIZE * int(number) if number.isdecimal() and len(number) < 5 else 0
    shown = ids[first : first + PAGE_SIZE]
    sessions = [one for id_ in shown if (one := await store.session(id_)) is not None]
    names = {row.name: row.text for row in rows(kept.trial, words(request))}

    def place(at: int) -> str | None:
        query = request.url.update_query(page=str(at // PAGE_SIZE)).relative()
        return str(query) if 0 <= at < len(ids) else None

    return render(
        request,
        "process_trial_list.html",
        back=f"/processes/{request.match_info['process']}/edit",
        title=_title(words(request).gettext, what, side, names.get(step, step)),
        sessions=sessions,
        gone=len(shown) - len(sessions),
        rules=await known_rules(request, sessions),
        watched=await store.watched_by(request[SIGNED_IN].user, [one.id for one in sessions]),
        notes=await store.note_counts([one.id for one in sessions]),
        open=lambda session: session_link(session, ()),
        total=total_text(request, len(ids)),
        previous=place(first - PAGE_SIZE),
        next=place(first + PAGE_SIZE),
        sites=await store.sites(),
    )


def _title(_: Words, what: str, side: str, step: str) -> str:
    """Return what the sessions are, in words."""
    told = {
        "gained": _("Completed by the change only"),
        "lost": _("Completed by what is in force only"),
        "completed": _("Completed"),
        "reached": _("Came at least to “%(step)s”") % {"step": step},
        "left": _("Left at “%(step)s”") % {"step": step},
    }[what]
    if what in ("gained", "lost"):
        return told
    by = _("as changed") if side == "draft" else _("as in force")
    return f"{told}, {by}"
