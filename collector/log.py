"""
The logger of the web server's own messages, without the network addresses in them.

The applications log faults themselves; what is left for the server are broken requests, and
it says whose they were.
"""

from __future__ import annotations

import logging

NAME = "stolper.http"

_ADDRESSED = "from %s"  # how aiohttp's messages end that name an address


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
