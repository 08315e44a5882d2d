"""The part of the store that keeps uses of forms (core/form_use.py)."""

from __future__ import annotations

from collections.abc import Sequence

from core.form_use import FormStore, FormSums, Met
from core.model import SessionQuery
from core.sqlite import form_using
from core.sqlite.parts import Part


class Forms(Part, FormStore):
    """Mixed into the store, whose readers it uses."""

    async def forms_met(self, query: SessionQuery, process: str) -> list[Met]:
        return await self._readers.run(form_using.met, query, process)

    async def form_sums(
        self, queries: Sequence[SessionQuery], process: str, step: str, form: str
    ) -> list[FormSums]:
        return await self._readers.run(form_using.sums, queries, process, step, form)
