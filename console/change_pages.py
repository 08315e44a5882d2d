"""Owns the form that changes a rule without YAML: where, by how much, where not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from aiohttp import web

from console.auth import require_editor
from console.context import console, workbench
from console.overriding import (
    Override,
    WrongParam,
    changes_something,
    form_of,
    kind_of,
    override_of,
    overrides_of,
)
from console.pages import render
from console.pick_pages import CHANGES
from console.proposals import (
    BLANK,
    FormError,
    Proposal,
    answer,
    appended_text,
    file_of,
    in_thread,
)
from console.rule_pages import find_rule
from console.rule_yaml import block, steps_of
from console.words import Words
from console.workbench import RuleState, Workbench
from core.model import SEVERITIES, SessionQuery
from detector.edit import remove_item


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/rules/{rule}/change", change_page)
    app.router.add_post("/rules/{rule}/change", change_page)


async def change_page(request: web.Request) -> web.StreamResponse:
    """Show the form, or do what it says."""
    await require_editor(request)
    rule = find_rule(workbench(request), request.match_info["rule"])
    make = in_thread(partial(_proposal, rule))
    return await answer(request, make, partial(_show, request, rule))


def _proposal(rule: RuleState, bench: Workbench, form: Mapping[str, str], _: Words) -> Proposal:
    """Return the proposal to change *rule* as the form says, or to take a change back."""
    return (_removal if form.get("remove") else _change)(bench, rule, form, _)


def _change(bench: Workbench, rule: RuleState, form: Mapping[str, str], _: Words) -> Proposal:
    """Return the proposal to add the form's override, in place of the one that was edited."""
    edited = _edited(bench, rule, form, _) if form.get("item") else None
    kept = (edited.value.get("params") or {}) if edited else {}
    try:
        override = override_of(rule.id, rule.params, form, kept)
    except WrongParam as wrong:
        kinds = {
            "number": _("a number"),
            "duration": _("a time with its unit, such as 250ms, 3s or 10m"),
            "bool": _("yes or no"),
            "text": _("a text or a list such as [a, b]"),
        }
        raise FormError(
            _("“%(name)s” is %(kind)s.") % {"name": wrong.name, "kind": kinds[wrong.kind]}
        ) from None
    if not changes_something(override):
        raise FormError(_("Nothing is changed yet."))
    item = block(override)
    if edited is None:
        return appended_text(bench, CHANGES, "overrides", item, rule=rule.id)
    text = bench.append(remove_item(_text(bench), "overrides", edited.index), "overrides", item)
    shown = f"overrides:\n{''.join(f'  {line}' for line in _dashed(item))}"
    return Proposal(CHANGES, edited.revision, text, shown, rule.id)


def _dashed(item: str) -> list[str]:
    lines = item.splitlines(keepends=True)
    return [("- " if place == 0 else "  ") + line for place, line in enumerate(lines)]


def _removal(bench: Workbench, rule: RuleState, form: Mapping[str, str], _: Words) -> Proposal:
    edited = _edited(bench, rule, {**form, "item": form["remove"]}, _)
    text = remove_item(_text(bench), "overrides", edited.index)
    return Proposal(CHANGES, edited.revision, text, "", rule.id)


def _text(bench: Workbench) -> str:
    file = file_of(bench, CHANGES)
    return file.text if file else ""


def _edited(bench: Workbench, rule: RuleState, form: Mapping[str, str], _: Words) -> Override:
    """Return the override that the form was opened with, if it is still the same."""
    for one in overrides_of(rule.id, bench.files(), CHANGES):
        if one.simple and str(one.index) == form["item"] and one.revision == form.get("revision"):
            return one
    raise FormError(_("The file %(file)s was changed meanwhile. Load the page again.") % {"file": CHANGES})  # fmt: skip


async def _show(
    request: web.Request, rule: RuleState, values: Mapping[str, str], **more: Any
) -> web.Response:
    bench, store = workbench(request), console(request).store
    known = await asyncio.to_thread(overrides_of, rule.id, bench.files(), CHANGES)
    edited = next(
        (one for one in known if one.simple and str(one.index) == values.get("item")), None
    )
    filled = form_of(edited.value) if edited and "do" not in values else {}
    defaults = {
        **{f"for_{name}": "" for name in ("site", "process", "path", "target")},
        **{f"except_{name}": "" for name in ("target", "path", "process")},
        **{f"param_{name}": present for name, present in rule.params.items()},
        "severity": "", "weight": "", "enabled": "", "reason": "", "item": "",
        "revision": edited.revision if edited else "",
    }  # fmt: skip
    recent = await store.sessions(SessionQuery(rule=rule.id, limit=1))
    recent = recent or await store.sessions(SessionQuery(limit=1))
    return render(
        request, "change.html", rule=rule, overrides=known, edited=edited,
        values={**defaults, **filled, **values}, severities=SEVERITIES,
        kinds={name: kind_of(present) for name, present in rule.params.items()},
        sites=await store.sites(), processes=await asyncio.to_thread(_process_names, bench),
        pick_in=recent[0].id if recent else None, **{**BLANK, **more},
    )  # fmt: skip


def _process_names(bench: Workbench) -> list[str]:
    texts = {rule.source for rule in bench.rules()} | {file.text for file in bench.files()}
    return sorted({name for text in texts for name in steps_of(text)})
