"""
The reports in force of a running server: those that come with Stolper, and the files in the data folder's `reports/`.

Owns when a file comes in force, and that one with a mistake leaves what was in force. What may stand in a file is
insight/report_files.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from core.report_files import ReportFileStore
from insight.report_files import Report, read_reports
from stolper.own_rules import Mark, OwnRules

log = logging.getLogger("stolper")


class Reportbook:
    """
    The reports of one data folder, for as long as a server runs.

    *problems* says why files are not in force as they are, "" if they are.
    """

    def __init__(self, folder: Path, *, shipped: Sequence[Path] = ()) -> None:
        self._files = OwnRules(folder)
        self._shipped = [one for path in shipped for one in _read_all(path)]
        self._good: dict[str, tuple[str, list[Report]]] = {}  # text and reports by file
        self._kept: dict[str, str] | None = None
        self.problems = ""

    def reports(self) -> list[Report]:
        """Return all reports; one of an own file stands in place of a shipped one of the same name."""
        found = {one.id: one for one in self._shipped}
        for name in sorted(self._good):
            found |= {one.id: one for one in self._good[name][1]}
        return list(found.values())

    async def begin(self, store: ReportFileStore) -> None:
        """Put in force what the files say, and of those with a mistake what was last in force before."""
        self._kept = await store.report_files()
        for name, text in self._kept.items():
            read, errors = read_reports(name, text)
            if not errors:
                self._good[name] = (text, read)
        await asyncio.to_thread(self.load)
        await self._keep(store)

    def load(self) -> None:
        """Put in force what the files say now; of one with a mistake what it said before stays. Blocks."""
        texts, unreadable = self._files.texts()
        wrong = [*unreadable.values()]
        there = {*texts, *unreadable}
        good = {name: one for name, one in self._good.items() if name in there}
        taken: dict[str, str] = {}
        for name in sorted(texts):
            read, errors = read_reports(name, texts[name])
            errors += [
                f"{name}: the report '{one.id}' stands in {taken[one.id]}, too. Give one of them another name."
                for one in read
                if one.id in taken
            ]
            wrong += errors
            if not errors:
                good[name] = (texts[name], read)
            taken |= {one.id: name for one in (good[name][1] if name in good else [])}
        self._good = good
        problems = "\n".join(wrong)
        if problems and problems != self.problems:
            log.error("reports in force stay until this is mended:\n%s", problems)
        self.problems = problems

    async def watch(self, store: ReportFileStore, every_ms: int) -> None:
        """Load whenever a file changes, until cancelled."""
        before: Mark | None = None
        while True:
            try:
                mark = await asyncio.to_thread(self._files.mark)
                if mark != before:
                    await asyncio.to_thread(self.load)
                    await self._keep(store)
                    before = mark
            except Exception:
                log.exception("the report files could not be looked at")
            await asyncio.sleep(every_ms / 1000)

    async def _keep(self, store: ReportFileStore) -> None:
        texts = {name: text for name, (text, _) in self._good.items()}
        if texts != self._kept:
            await store.put_report_files(texts)
            self._kept = texts


def _read_all(folder: Path) -> list[Report]:
    found: list[Report] = []
    for path in sorted(folder.glob("*.yaml")):
        read, errors = read_reports(path.name, path.read_text("utf-8"))
        if errors:
            raise ValueError("\n".join(errors))
        found += read
    return found
