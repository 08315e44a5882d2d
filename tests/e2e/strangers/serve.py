"""
`stolper up`, with the time limits of connections in seconds where they are minutes, and few files.

Run as a program: `python -m tests.e2e.strangers.serve up --data DIR ...`. Nothing else is changed.
"""

from __future__ import annotations

import resource

import collector.app
import collector.connection
import collector.front
import collector.gate
import collector.ingest
from stolper.cli import main

FILES = 512
"""Open files; a server may have some hundred connections then."""

HALF_BYTES = 32 << 20

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    collector.connection.HEAD_TIMEOUT_S = 2
    collector.connection.IDLE_TIMEOUT_S = collector.app.IDLE_TIMEOUT_S = 4
    collector.connection.BODY_TIMEOUT_S = collector.ingest.BODY_TIMEOUT_S = 3
    collector.connection.MOST_HALF_BYTES = collector.ingest.MOST_HALF_BYTES = HALF_BYTES
    collector.app.LINGER_S = 1
    collector.gate.ANSWER_TIMEOUT_S = 6
    collector.front.SWEEP_S = collector.gate.SWEEP_S = 0.2
    main()
