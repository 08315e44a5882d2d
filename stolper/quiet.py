"""
Keeps the garbage collector from stopping the server while rules are read.

Reading a rule set makes some 100,000 nodes, all freed by their counts of references. Left to
itself the collector looks through the whole process meanwhile, again and again: 80 to 110 ms,
in which no browser is answered. Owns nothing else.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_users = 0


@contextmanager
def no_collection() -> Iterator[None]:
    """Hold the collector back for the body; several threads may at once."""
    global _users
    with _lock:
        _users += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                gc.enable()


def settle() -> None:
    """Spare the collector what was loaded at the start: it stays for as long as the process."""
    gc.collect()
    gc.freeze()
