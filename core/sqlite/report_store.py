"""The part of the store that keeps the report files that were last in force (core/report_files.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from core.report_files import ReportFileStore
from core.sqlite.parts import Part


class ReportFiles(Part, ReportFileStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def put_report_files(self, files: Mapping[str, str]) -> None:
        await self._writer.submit(lambda db, _: _put(db, files), touches=())

    async def report_files(self) -> dict[str, str]:
        return await self._readers.run(_all)


def _put(db: sqlite3.Connection, files: Mapping[str, str]) -> None:
    db.execute("DELETE FROM report_files")
    db.executemany("INSERT INTO report_files VALUES (?, ?)", files.items())


def _all(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, text FROM report_files ORDER BY name").fetchall())
