"""What the process logs: as lines for people, or as one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from core.settings import LogSettings

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """One object a line: at, level, logger, message, and error (a traceback) where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as JSON. Line breaks in a message are escaped: nobody can forge a line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        return json.dumps(told, ensure_ascii=False)


def said(text: str) -> str:
    """Return what is said to whoever started the server as a line like those of the log."""
    record = logging.LogRecord("stolper", logging.INFO, "", 0, text, None, None)
    return JsonLines().format(record)


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Let everything that is logged from now on go to *stream* (standard error) as *settings* say."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else logging.Formatter(TEXT))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
