"""
Owns the forms' part of the JSON API (docs/api.md): which a process has, and the fields of one, as JSON or CSV.

Field names here are a promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from aiohttp import web

from console.api import PREFIX, answer, check_site, session_query
from console.auth import ApiError
from console.context import console
from console.finding import find_of
from console.process_frame import process_of
from core.form_use import MARKS
from core.model import SessionQuery
from core.spreadsheet import csv_of
from core.walks import Spread
from insight import forms
from insight import funnel as funnels
from insight.forms import Compared, Field, Form


def add_routes(app: web.Application) -> None:
    """Add the API's routes of forms to *app*."""
    app.router.add_get(PREFIX + "/processes/{process}/forms", show_forms)


async def show_forms(request: web.Request) -> web.Response:
    """Answer with the forms of a process, or, where `step` and `form` are given, with the fields of one."""
    process = process_of(request)
    if process is None:
        raise ApiError(404, "not_found", "there is no such process")
    id_ = process.id
    await check_site(request)
    query = _query(request)
    met = await console(request).store.forms_met(query, id_)
    step, form = request.query.get("step"), request.query.get("form")
    if (step is None) != (form is None):
        raise ApiError(400, "bad_parameter", "step and form are given together")
    kind = request.query.get("format", "json")
    if kind not in ("json", "csv") or (kind == "csv" and form is None):
        raise ApiError(400, "bad_parameter", "format is json or, of one form, csv")
    if step is None or form is None:
        steps = [name for name, _ in process.steps]
        told = [one for one in met if one.step in steps]
        told.sort(key=lambda one: steps.index(one.step))
        return answer({"forms": [_met_json(one.step, one.form, one.sessions) for one in told]})
    if all((one.step, one.form) != (step, form) for one in met):
        raise ApiError(404, "not_found", "none of these sessions used such a form at such a step")
    found = await _form(request, query, id_, step, form)
    return _csv(found) if kind == "csv" else answer({"form": _form_json(found)})


def _query(request: web.Request) -> SessionQuery:
    query = session_query(request, console(request).clock.now_ms())
    find = find_of(request, request.query)
    return replace(query, rule=None, find=find or None, order="newest", after=None)


async def _form(
    request: web.Request, query: SessionQuery, process: str, step: str, form: str
) -> Form:
    store = console(request).store
    gone = funnels.narrowed(query, funnels.left(process, step))
    left_all = await store.count_sessions(gone, most=funnels.MOST)
    return await forms.form(store, query, process, step, form, left_all=left_all)


def _met_json(step: str, form: str, sessions: int) -> dict[str, Any]:
    return {"step": step, "form": form, "sessions": sessions}


def _form_json(form: Form) -> dict[str, Any]:
    return {
        "step": form.step,
        "form": form.form,
        "completed": form.completed,
        "left": form.left,
        "left_without": form.none,
        "fields": [_field_json(field) for field in form.fields],
    }


def _field_json(field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {"field": field.name, "label": field.label, "place": field.place}
    told["field_used"] = _compared_json(field.used)
    for mark in MARKS:
        told[mark] = _compared_json(field.marks[mark])
    told["field_left"] = field.last.some
    for name, spans in (("spent", field.spent), ("hesitation", field.waited)):
        told[name] = {
            group: None if one is None else _spread_json(one)
            for group, one in zip(("completed", "left"), spans, strict=True)
        }
    return told


def _compared_json(one: Compared) -> dict[str, Any]:
    return {
        "completed": one.completed.some,
        "of_completed": one.completed.all,
        "left": one.left.some,
        "of_left": one.left.all,
        "difference": one.difference.points,
        "low": one.difference.low,
        "high": one.difference.high,
    }


def _spread_json(one: Spread) -> dict[str, Any]:
    return {"sessions": one.sessions, "median_ms": one.median_ms, "p90_ms": one.p90_ms}


def _csv(form: Form) -> web.Response:
    """Return the fields of *form*, a row each."""
    rows = [dict(_flat(_field_json(field))) for field in form.fields]
    names = list(dict.fromkeys(name for row in rows for name in row))
    told = ((form.step, form.form, *(row.get(name) for name in names)) for row in rows)
    return web.Response(
        body=csv_of(["step", "form", *names], told),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": "attachment; filename=form.csv",
        },
    )


def _flat(told: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Give the values of *told* by their way: `spent.left.median_ms`."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield before + name, value
