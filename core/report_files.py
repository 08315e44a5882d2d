"""The contract of the store's part that keeps the report files that were last in force. What is in them is insight/report_files.py's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ReportFileStore(Protocol):
    """Copies of report files, so that one with a mistake leaves what was in force over a restart, too."""

    async def put_report_files(self, files: Mapping[str, str]) -> None:
        """Keep *files*, name to text, in place of those that were kept."""

    async def report_files(self) -> dict[str, str]:
        """Return the files that are kept, name to text."""
