"""
The logger of the web server's own messages, without the network addresses in them.

The applications log faults themselves; what is left for the server are broken requests, and
it says whose they were.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

NAME = "stolper.http"

_ADDRESSED = "from %s"  # how aiohttp's messages end that name an address

TOLD_EACH = 1000
"""One broken request in so many is logged: a scanner sends thousands, and fills no disk with them."""


class _NoAddress(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and record.msg.endswith(_ADDRESSED) and record.args:
            record.msg = record.msg.removesuffix(_ADDRESSED).rstrip()
            record.args = ()
        return True


def server_logger() -> logging.Logger:
    """Return the logger to give to `aiohttp.web.AppRunner`, for every listener."""
    log = logging.getLogger(NAME)
    if not any(isinstance(one, _NoAddress) for one in log.filters):
        log.addFilter(_NoAddress())
    return log


class CountingLogger(logging.LoggerAdapter[logging.Logger]):
    """
    The server's logger of the public listener, which anybody can reach.

    Requests that are no HTTP are counted as refused; aiohttp would log each with a traceback, and
    with what stood in it.
    """

    def __init__(self, counters: Counter[str]) -> None:
        super().__init__(server_logger())
        self._counters = counters

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        """Log a fault of the server's; count one of the client's."""
        if not self._is_broken(exc_info):
            super().exception(msg, *args, exc_info=exc_info, **more)

    def debug(self, msg: object, *args: object, exc_info: Any = None, **more: Any) -> None:
        """Log a detail; count what was no HTTP at all, TLS above all, which aiohttp takes for one."""
        if not self._is_broken(exc_info):
            super().debug(msg, *args, exc_info=exc_info, **more)

    def _is_broken(self, error: object) -> bool:
        if not isinstance(error, HttpProcessingError):
            return False
        if self._counters["refused_bad_http"] % TOLD_EACH == 0:
            self.logger.warning(
                "a request that is no HTTP was refused (%s); one in %d is logged, the metrics count all",
                *(type(error).__name__, TOLD_EACH),
            )
        self._counters["refused_bad_http"] += 1
        return True
