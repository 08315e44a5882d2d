"""Owns what processes and their steps are called, for one reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from console.context import console
from console.language import Language
from console.workbench import ProcessState
from core.form_use import OUTSIDE, WITHIN
from core.walks import PLACE


class ProcessTexts:
    """What *processes* are called in *language*. What is declared no longer is called by its id."""

    def __init__(self, processes: Sequence[ProcessState], language: Language) -> None:
        self._language = language
        self._processes = {one.id: one for one in processes}

    def title(self, process: str) -> str:
        """Return what people call *process*."""
        known = self._processes.get(process)
        return (self._language.text(known.title) if known else "") or process

    def step(self, process: str, step: str) -> str:
        """Return what people call a *step*."""
        known = self._processes.get(process)
        labels = dict(known.steps) if known else {}
        return self._language.text(labels.get(step, {})) or step

    def value(self, value: str) -> str:
        """Return a value of the fields of processes (core/walks.py) in words: `checkout/pay /basket`."""
        place, _blank, end = value.partition(" ")
        process, _slash, step = place.partition(PLACE)
        told = f"{self.title(process)}: {self.step(process, step)}" if step else self.title(process)
        end = end.removeprefix(OUTSIDE + WITHIN)
        return f"{told}, {end}" if end else told

    def met(self, value: str, struggles: Mapping[str, str]) -> str:
        """Return a value of what was met at a step (core/causes.py) in words; *struggles* are titles by key."""
        at, _blank, what = value.partition(" ")
        key, _blank, page = what.partition(" ")
        return ", ".join(one for one in (self.value(at), struggles.get(key, key), page) if one)


def process_texts(request: web.Request) -> ProcessTexts:
    """Return the names of the processes in force for who asks."""
    language = console(request).languages.of(request)
    return ProcessTexts(console(request).workbench.processes(), language)
