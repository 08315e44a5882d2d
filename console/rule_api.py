"""
Owns the rules' part of the JSON API (docs/api.md): what is in force, own files, checks, drafts.

Field names here are a promise.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
from aiohttp import web

from console.api import PREFIX, answer
from console.api import since_ms as asked_since_ms
from console.auth import TOKEN, ApiError, require
from console.context import console, workbench
from console.drafts import DRAFTS
from console.editor_pages import MAX_TEXT, is_file_name
from console.format import iso
from console.named import api_body
from console.proposals import one_line
from console.rule_list import NOTHING, broken_files, state_of
from console.rule_pages import since_ms as week_ms
from console.workbench import (
    Checked,
    DraftRun,
    OwnFile,
    Progress,
    RuleState,
    RuleUse,
    Version,
)
from core.errors import UserError


def add_routes(app: web.Application) -> None:
    """Add the API's routes of rules to *app*."""
    app.router.add_get(PREFIX + "/rules", list_rules)
    app.router.add_post(PREFIX + "/rules/check", check)
    app.router.add_post(PREFIX + "/rules/draft", draft)
    app.router.add_get(PREFIX + "/rules/{rule}", show_rule)
    app.router.add_get(PREFIX + "/rule-files", list_files)
    app.router.add_put(PREFIX + "/rule-files/{name}", put_file)


async def list_rules(request: web.Request) -> web.Response:
    """Answer with all rules, their state, and what they found since `since` (default 7 days)."""
    bench = workbench(request)
    uses = await bench.uses(_since_ms(request))
    broken = broken_files(bench.files(), bench.problems())
    rules = [
        rule_json(rule, state_of(rule, broken), uses.get(rule.id, NOTHING))
        for rule in bench.rules()
    ]
    return answer({"rules": rules, "problems": bench.problems()})


async def show_rule(request: web.Request) -> web.Response:
    """Answer with one rule, its text and its versions."""
    bench = workbench(request)
    id_ = request.match_info["rule"]
    rule = next((one for one in bench.rules() if one.id == id_), None)
    if rule is None:
        raise ApiError(404, "not_found", "there is no such rule")
    use = (await bench.uses(_since_ms(request))).get(id_, NOTHING)
    state = state_of(rule, broken_files(bench.files(), bench.problems()))
    versions = [version_json(one) for one in await bench.versions(id_)]
    told = {**rule_json(rule, state, use), "source": rule.source, "versions": versions}
    return answer({"rule": told})


async def list_files(request: web.Request) -> web.Response:
    """Answer with the own files, their text and revision."""
    return answer({"files": [dataclasses.asdict(file) for file in workbench(request).files()]})


async def put_file(request: web.Request) -> web.Response:
    """Write an own file and put it in force, if it fits and nobody changed it meanwhile."""
    require(request, "admin")
    body = await api_body(request)
    name = _name(request.match_info["name"])
    revision = body.get("revision")
    if not (revision is None or isinstance(revision, str)):
        raise ApiError(400, "bad_parameter", "revision is a text, or null for a new file")
    saved = await workbench(request).save(
        name,
        _text(body, "text"),
        revision=revision,
        author=f"token {request[TOKEN].id}",
        reason=one_line(_text(body, "reason", "")),
    )
    if saved.outcome == "conflict":
        raise ApiError(409, "conflict", "the file on disk is another; read it again")
    if saved.outcome == "refused":
        refused = {"ok": False, "code": "refused", "error": "the text has errors, or tests fail"}
        checked = checked_json(saved.checked) if saved.checked else None
        return web.json_response(
            {**refused, "checked": checked}, status=422, dumps=lambda v: orjson.dumps(v).decode()
        )
    return answer({"file": _file_json(saved.file)})


async def check(request: web.Request) -> web.Response:
    """Answer with what is wrong with a text, and how its tests go."""
    require(request, "admin")
    body = await api_body(request)
    checked = await workbench(request).check(_name(_text(body, "name")), _text(body, "text"))
    return answer({"checked": checked_json(checked)})


async def draft(request: web.Request) -> web.Response:
    """Answer with what a text would flag since `since`, against the rules in force."""
    require(request, "admin")
    body = await api_body(request)
    bench, name, text = workbench(request), _name(_text(body, "name")), _text(body, "text")
    since = _since_ms(request)

    async def begin(progress: Progress) -> DraftRun:
        return await bench.draft(name, text, since_ms=since, progress=progress)

    try:
        run = await request.app[DRAFTS].result(f"token {request[TOKEN].id}", begin)
    except UserError as error:
        raise ApiError(422, "refused", str(error)) from error
    if run is None:
        raise ApiError(409, "replaced", "a later draft with this token took the place of this one")
    return answer({"draft": draft_json(run)})


def rule_json(rule: RuleState, state: str, use: RuleUse) -> dict[str, Any]:
    """Return *rule* as lists have it."""
    return {
        "id": rule.id,
        "title": rule.title,
        "description": rule.description,
        "guidance": rule.guidance,
        "blind_spots": rule.blind_spots,
        "severity": rule.severity,
        "weight": rule.weight,
        "tags": list(rule.tags),
        "enabled": rule.enabled,
        "state": state,
        "shipped": rule.shipped,
        "changed_by": list(rule.changed_by),
        "file": rule.file,
        "version": rule.version,
        "params": rule.params,
        "flags": use.flags,
        "sessions": use.sessions,
        "share": round(use.share, 6),
    }


def version_json(version: Version) -> dict[str, Any]:
    """Return one version of a rule."""
    return {
        "version": version.version,
        "at": iso(version.at_ms),
        "author": version.author,
        "reason": version.reason,
        "source": version.source,
    }


def checked_json(checked: Checked) -> dict[str, Any]:
    """Return what a check came to."""
    return {**dataclasses.asdict(checked), "fits": checked.fits}


def draft_json(run: DraftRun) -> dict[str, Any]:
    """Return what a draft came to."""
    values = dataclasses.asdict(run)
    values["since"] = iso(values.pop("since_ms"))
    for example in values["examples"]:
        example["at"] = iso(example.pop("at_ms"))
    return values


def _file_json(file: OwnFile | None) -> dict[str, Any] | None:
    return dataclasses.asdict(file) if file else None


def _since_ms(request: web.Request) -> int:
    asked = asked_since_ms(request, console(request).clock.now_ms())
    return week_ms(request) if asked is None else asked


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ApiError(400, "bad_parameter", f"{name} is a text of at most 256 KiB")
    return value


def _name(name: str) -> str:
    if not is_file_name(name):
        raise ApiError(400, "bad_parameter", "a file's name is like my_rule.yaml")
    return name
