"""
Submits, as far as they show: a press on what submits a form, or the click that Enter makes of one.

What the browser itself refused is not in a recording, nor are requests: such an outcome is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from replay.derived.elements import (
    attribute,
    closest,
    form_of,
    is_hidden,
    is_within,
    tag_of,
)
from replay.derived.fields import Fields, fields_of, form_key
from replay.derived.page import Fact, Page
from replay.derived.press import submits
from replay.derived.validity import refusals
from replay.nodes import Node

Data = dict[str, Any]

OUTCOME_MS, LONGEST_MS = 2_000, 10_000


@dataclass(slots=True)
class Submit:
    """A submit whose outcome is open. *before* are the places of fields that were refused already."""

    form: Node
    t: float
    fact: Fact
    before: set[int]
    refused: bool = False
    statuses: list[int] = field(default_factory=list)


class Forms:
    """The submits of one document."""

    def __init__(self, page: Page, fields: Fields) -> None:
        self._page = page
        self._fields = fields
        self._open: list[Submit] = []

    def clicked(self, node: Node, t: float, *, how: str) -> None:
        """*node* was clicked; *how*: by a press, or by enter in a field."""
        control = closest(node, submits)
        form = form_of(control) if control is not None else None
        if control is None or form is None or attribute(control, "disabled") is not None:
            return
        if self._page.policy.ignored(form):
            return
        facts: Data = {
            "target": self._page.describer.target(control),
            "form": form_key(form, self._page),
            "how": how,
        }
        begun = self._fields.first_input(form)
        if begun is not None:
            facts["since_input_ms"] = max(0, round(t - begun))
        submit = Submit(form, t, self._page.emit("form", t, facts), _refused(form))
        self._open.append(submit)
        self._page.later(t + OUTCOME_MS, lambda: self._settle(submit))

    def heard(self, t: float, severity: str, node: Node) -> None:
        """A message appeared at *node*."""
        if severity != "error":
            return
        outside = closest(node, lambda one: tag_of(one) == "form") is None
        for one in self._open:
            if t - one.t <= LONGEST_MS and (outside or is_within(node, one.form)):
                one.refused = True

    def requested(self, begin: float, status: int) -> None:
        """A request began that the newest submit may have made."""
        last = self._open[-1] if self._open else None
        if last is not None and 0 <= begin - last.t <= 1_000:
            last.statuses.append(status)

    def leave(self, *, led: bool) -> None:
        """The page ends; *led*: by a press."""
        for one in [*self._open]:
            self._finish(one, navigated=led, cut=not led)

    def _settle(self, submit: Submit) -> None:
        if submit not in self._open:
            return
        if self._is_refused(submit) or submit.statuses or _is_gone(self._page, submit.form):
            self._finish(submit, navigated=False, cut=False)
        else:
            self._page.later(submit.t + LONGEST_MS, lambda: self._give_up(submit))

    def _give_up(self, submit: Submit) -> None:
        if submit in self._open:
            self._finish(submit, navigated=False, cut=False)

    def _is_refused(self, submit: Submit) -> bool:
        now = _refused(submit.form)
        return submit.refused or bool(now - submit.before) or bool(submit.before and now)

    def _finish(self, submit: Submit, *, navigated: bool, cut: bool) -> None:
        self._open = [one for one in self._open if one is not submit]
        facts, form = submit.fact.facts, submit.form
        worst = 0 if 0 in submit.statuses else max(submit.statuses, default=-1)
        if worst >= 0:
            facts["request_status"] = worst
        if navigated:
            facts["outcome"] = "navigated"
        elif self._is_refused(submit) or worst == 0 or worst >= 400:
            facts["outcome"] = "refused"
            if self._page.mirror.nodes.get(form.id) is form:
                names = self._fields.refuse(form, self._page.now)
                if names:
                    facts["invalid_fields"] = names
        elif worst >= 200 or _is_gone(self._page, form):
            facts["outcome"] = "accepted"
        else:
            facts["outcome"] = "unknown"
            if cut:
                facts["cut"] = True


def _refused(form: Node) -> set[int]:
    return {at for at, one in enumerate(fields_of(form)) if refusals(one)}


def _is_gone(page: Page, form: Node) -> bool:
    return page.mirror.nodes.get(form.id) is not form or is_hidden(form)
