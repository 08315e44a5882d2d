"""
Owns making examples for rules of flags in real sessions: this should, or should not, be flagged.

An example that fails cannot be saved by itself, since tests must be green; it is saved
together with the exception that makes it pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from aiohttp import web

from console.auth import require_editor
from console.context import console, workbench
from console.pages import render
from console.pick_pages import CHANGES
from console.press_words import kind_text
from console.proposals import (
    BLANK,
    FormError,
    Proposal,
    answer,
    appended_text,
    file_of,
    form_values,
    words,
)
from console.rule_yaml import block
from console.selectors import read_path, suggest
from console.words import Words
from console.workbench import Workbench
from core.model import Flag

EXAMPLES = "examples.yaml"


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/rules/example", example_page)
    app.router.add_post("/rules/example", example_page)


async def example_page(request: web.Request) -> web.StreamResponse:
    """Show the example made of a flag, with what would make it pass, or do what the form says."""
    await require_editor(request)
    values = await form_values(request)
    flags = await console(request).store.flags(values.get("session", ""))
    flag = next((one for one in flags if one.id == values.get("flag")), None)
    if flag is None or flag.rule not in {rule.id for rule in workbench(request).rules()}:
        raise web.HTTPNotFound
    fires = values.get("fires") == "1"
    page = partial(_show, request, flag, fires)
    return await answer(request, partial(_proposal, flag, fires), page)


async def _proposal(
    flag: Flag, fires: bool, bench: Workbench, values: Mapping[str, str], _: Words
) -> Proposal:
    """Return the example for *flag*, with the exception that was chosen beside it."""
    item = await bench.example(flag.session, flag.rule, fires=fires, around_ms=flag.at_ms)
    how, _colon, what = values.get("except", "").partition(":")
    if fires or how not in ("target", "path"):
        return appended_text(bench, EXAMPLES, "tests", item, rule=flag.rule)
    if not what:
        raise FormError(_("Choose where the rule is to stay silent."))
    override = block({"rule": flag.rule, "except": {how: [what]}})
    change = appended_text(bench, CHANGES, "overrides", override, rule=flag.rule)
    test = appended_text(bench, EXAMPLES, "tests", item)
    known = file_of(bench, CHANGES)
    return Proposal(
        CHANGES,
        known.revision if known else None,
        bench.append(change.text, "tests", item),
        change.shown + test.shown,
        flag.rule,
    )


async def _show(
    request: web.Request, flag: Flag, fires: bool, values: Mapping[str, str], **more: Any
) -> web.Response:
    _ = words(request).gettext
    places = [
        (value, text, kind_text(kind, _) if kind else _("This page"))
        for value, text, kind in ([] if fires else await _places(request, flag))
    ]
    rule = next(one for one in workbench(request).rules() if one.id == flag.rule)
    session = await console(request).store.session(flag.session)
    defaults = {"except": "", "reason": "", "session": flag.session}
    return render(
        request, "example.html", flag=flag, fires=fires, rule=rule, session=session,
        places=places,
        values={**defaults, **values}, **{**BLANK, **more},
    )  # fmt: skip


async def _places(request: web.Request, flag: Flag) -> list[tuple[str, str, str]]:
    """Return where the rule could stay silent, so that *flag* would not be raised: value, text, kind."""
    offered = suggest(await _target_path(request, flag) or [])
    found: list[tuple[str, str, str]] = [
        (f"target:{one.selector}", one.selector, one.kind) for one in offered
    ]
    if flag.page:
        found.append((f"path:{flag.page}", flag.page, ""))
    return found


async def _target_path(request: web.Request, flag: Flag) -> list[dict[str, Any]] | None:
    """Return the path of what was pressed: that of the first event of the evidence that has one."""
    wanted = [one.event for one in flag.evidence]
    events = {
        f"{event['page_load']}:{event['i']}": event
        for batch in await console(request).store.batches(flag.session)
        for event in batch.events
    }
    for name in wanted:
        path = read_path((events.get(name, {}).get("target") or {}).get("path"))
        if path is not None:
            return path
    return None
