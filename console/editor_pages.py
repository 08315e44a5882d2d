"""
Owns the rule editor: its page, and what it asks for while somebody types (check, draft, words).

Everything also works as a plain form. Leaves judging, tests and files to the workbench.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from console.auth import SIGNED_IN, require_editor
from console.context import console, workbench
from console.difference import difference
from console.drafts import DRAFTS, Drafts, Step
from console.headers import csp_with_styles
from console.pages import render
from console.proposals import file_of, one_line
from console.rule_pages import since_ms
from console.rule_words import words
from console.session_pages import moment_of
from console.starters import KINDS, starter
from console.workbench import Checked, DraftFlag, DraftRun, OwnFile, Progress, RuleState
from core.errors import UserError
from core.events import load_schema

BUILT = Path(__file__).parent / "static" / "dist" / "editor.js"

MAX_TEXT = 256 * 1024
"""Characters; a rule file has at most so many bytes, which the loader says with its place."""

FILE_NAME = r"[a-z0-9][a-z0-9_\-]{0,59}\.yaml"

SHOWN = 8
"""Examples of each change that a draft's panel lists."""


@dataclass(frozen=True, slots=True)
class Editing:
    """A file as it is being edited. *revision* is that of the file on disk, None for a new one."""

    name: str
    text: str
    revision: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """How an action went; *disk* is the file that others changed meanwhile, with how it differs."""

    kind: str  # saved · removed · conflict · refused · failed
    detail: str = ""
    disk: OwnFile | None = None
    difference: tuple[tuple[str, str], ...] = ()  # sign and line
    rules: tuple[RuleState, ...] = ()


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """A flag of a draft with the address of its moment in the replay."""

    flag: DraftFlag
    link: str


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*. Must come before the page of one rule."""
    app[DRAFTS] = Drafts()
    app.on_shutdown.append(_close)
    app.router.add_get("/rules/edit", show)
    app.router.add_post("/rules/edit", act)
    app.router.add_post("/rules/edit/check", check)
    app.router.add_post("/rules/edit/draft", draft)
    app.router.add_get("/rules/edit/words", show_words)


async def _close(app: web.Application) -> None:
    await app[DRAFTS].close()


def is_file_name(name: str) -> bool:
    """Say whether *name* can be that of an own file."""
    return re.fullmatch(FILE_NAME, name) is not None


async def show(request: web.Request) -> web.Response:
    """Show an own file, or a new one made of a starter."""
    await require_editor(request)
    bench = workbench(request)
    name = request.query.get("file")
    if name is None:
        return await _page(request, _new(request))
    file = file_of(bench, name)
    if file is None:
        raise web.HTTPNotFound
    notice = None
    if "saved" in request.query:
        in_force = tuple(r for r in bench.rules() if name == r.file or name in r.changed_by)
        notice = Notice("saved", rules=in_force)
    return await _page(request, Editing(file.name, file.text, file.revision), notice=notice)


async def act(request: web.Request) -> web.Response:
    """Do what the form's button says: check, try on history, activate, or delete the file."""
    who = await require_editor(request)
    form = await request.post()
    action = str(form.get("action", "check"))
    editing = await _editing(request)
    if theirs := str(form.get("replace", "")):  # seen after a conflict, and to be written over
        return await _save(request, replace(editing, revision=theirs), who)
    if action == "draft":
        return await _page(request, editing, run=await _run_to_end(request, editing))
    if action == "activate":
        return await _save(request, editing, who)
    if action == "remove":
        return await _remove(request, editing, who)
    return await _page(request, editing)


async def check(request: web.Request) -> web.Response:
    """Answer with what is wrong with a text, for the editor's margin, and the panel that tells it."""
    await require_editor(request)
    editing = await _editing(request)
    checked = await workbench(request).check(editing.name, editing.text)
    language = console(request).languages.of(request)
    answer = {
        "findings": [
            {"line": f.line, "column": f.column, "message": f.message, "level": f.level}
            for f in checked.findings
            if f.file == editing.name
        ],
        "runs": not any(f.level == "error" for f in checked.findings),
        "fits": checked.fits,
        "html": language.render("rule_checked.html", {"checked": checked, "name": editing.name}),
    }
    return web.Response(body=orjson.dumps(answer), content_type="application/json")


async def draft(request: web.Request) -> web.StreamResponse:
    """Answer line by line (JSON each) with how far the run over history is, then with its panel."""
    await require_editor(request)
    editing = await _editing(request)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the progress back
    await response.prepare(request)
    language = console(request).languages.of(request)
    steps = request.app[DRAFTS].run(request[SIGNED_IN].id, _begin(request, editing))
    try:
        async for step in steps:
            line: dict[str, Any]
            if isinstance(step, Step):
                line = {"done": step.done, "total": step.total}
            else:
                values = await _draft_values(request, step)
                line = {"html": language.render("rule_draft.html", values)}
            await response.write(orjson.dumps(line) + b"\n")
    except UserError as error:  # the text does not load; the check says where
        await response.write(orjson.dumps({"error": str(error)}) + b"\n")
    except ConnectionError:  # nobody listens any more
        return response
    finally:
        await steps.aclose()
    return response


async def show_words(request: web.Request) -> web.Response:
    """Answer with what the editor completes."""
    await require_editor(request)
    language = console(request).languages.of(request)
    found = words(workbench(request), load_schema(), language)
    return web.Response(body=orjson.dumps(found), content_type="application/json")


async def _editing(request: web.Request) -> Editing:
    """Return what the form holds. Raise 400 for a name or size that no rule file has."""
    form = await request.post()
    text = str(form.get("text", "")).replace("\r\n", "\n")  # as forms send them
    name = str(form.get("name", "")).strip()
    if not name.endswith(".yaml"):
        name += ".yaml"
    if len(text) > MAX_TEXT or not is_file_name(name):
        _ = console(request).languages.of(request).gettext
        raise web.HTTPBadRequest(
            text=_("A file's name is small letters, digits, _ and -; its text has at most 256 KiB.")
        )
    if text and not text.endswith("\n"):
        text += "\n"
    reason = one_line(str(form.get("reason", "")))
    return Editing(name, text, str(form.get("revision", "")) or None, reason)


def _new(request: web.Request) -> Editing:
    bench, language = workbench(request), console(request).languages.of(request)
    taken = {rule.id for rule in bench.rules()} | {Path(f.name).stem for f in bench.files()}
    id_, text = starter(request.query.get("start", KINDS[0]), language.code, taken)
    return Editing(f"{id_}.yaml", text, None)


async def _save(request: web.Request, editing: Editing, who: str) -> web.Response:
    saved = await workbench(request).save(
        editing.name, editing.text, revision=editing.revision, author=who, reason=editing.reason
    )
    if saved.outcome == "saved":
        raise web.HTTPSeeOther(f"/rules/edit?file={editing.name}&saved=1")
    if saved.outcome == "conflict":
        return await _page(request, editing, notice=await _conflict(request, editing), status=409)
    return await _page(
        request, editing, checked=saved.checked, notice=Notice("refused"), status=422
    )


async def _remove(request: web.Request, editing: Editing, who: str) -> web.Response:
    saved = await workbench(request).remove(
        editing.name, revision=editing.revision or "", author=who, reason=editing.reason
    )
    if saved.outcome == "saved":
        raise web.HTTPSeeOther("/rules")
    if saved.outcome == "conflict":
        return await _page(request, editing, notice=await _conflict(request, editing), status=409)
    return await _page(
        request, editing, checked=saved.checked, notice=Notice("refused"), status=422
    )


async def _conflict(request: web.Request, editing: Editing) -> Notice:
    disk = file_of(workbench(request), editing.name)
    theirs = disk.text.splitlines() if disk else []
    lines = await asyncio.to_thread(difference, theirs, editing.text.splitlines())
    return Notice("conflict", disk=disk, difference=lines)


async def _page(
    request: web.Request,
    editing: Editing,
    *,
    checked: Checked | None = None,
    run: DraftRun | str | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> web.Response:
    """Return the editor's page on *editing*. *run* is what a draft came to, or why it could not."""
    bench = workbench(request)
    nonce = secrets.token_urlsafe(16)
    values = await _draft_values(request, run) if isinstance(run, DraftRun) else {"run": None}
    page = render(
        request,
        "rule_editor.html",
        status=status,
        editing=editing,
        checked=checked or await bench.check(editing.name, editing.text),
        name=editing.name,
        notice=notice,
        kinds=KINDS,
        kind=request.query.get("start", KINDS[0]),
        nonce=nonce,
        built=BUILT.is_file(),
        draft_error=run if isinstance(run, str) else "",
        file_pattern=FILE_NAME.replace(r"\.yaml", r"(\.yaml)?"),
        **values,
    )
    page.headers["Content-Security-Policy"] = csp_with_styles(nonce)
    return page


def _begin(
    request: web.Request, editing: Editing
) -> Callable[[Progress], Coroutine[Any, Any, DraftRun]]:
    bench, since = workbench(request), since_ms(request)

    async def begin(progress: Progress) -> DraftRun:
        return await bench.draft(editing.name, editing.text, since_ms=since, progress=progress)

    return begin


async def _run_to_end(request: web.Request, editing: Editing) -> DraftRun | str | None:
    """Return what a draft comes to, why it cannot run, or None when another took its place."""
    try:
        return await request.app[DRAFTS].result(request[SIGNED_IN].id, _begin(request, editing))
    except UserError as error:
        return str(error)


async def _draft_values(request: web.Request, run: DraftRun) -> dict[str, Any]:
    """Return what the panel of *run* shows."""
    language = console(request).languages.of(request)
    titles = {rule.id: language.text(rule.title) for rule in workbench(request).rules()}
    shown = {
        change: [flag for flag in run.examples if flag.change == change][:SHOWN]
        for change in ("gained", "lost", "unchanged")
    }
    rows = {
        change: await asyncio.gather(*(_example(request, flag) for flag in flags))
        for change, flags in shown.items()
    }
    return {"run": run, "examples": rows, "titles": titles}


async def _example(request: web.Request, flag: DraftFlag) -> ExampleRow:
    return ExampleRow(flag, (await moment_of(console(request).store, flag)).link)
