"""The small parts behind what a server tells machines: its log, its durations, its service manager."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import socket
from pathlib import Path

import pytest

from core.settings import LogSettings
from stolper.durations import BOUNDS_S, Durations
from stolper.logs import set_up
from stolper.notify import notify


def test_durations_are_counted_by_size() -> None:
    """Buckets add up; what fails is counted apart and raised."""
    durations = Durations()
    for _ in range(3):
        durations.measure(lambda: None)
    with pytest.raises(OSError, match="full"):
        durations.measure(_fail)
    buckets, sum_s = durations.buckets()

    assert [*(str(bound) for bound in BOUNDS_S), "+Inf"] == [bound for bound, _ in buckets]
    assert 3 == buckets[-1][1]
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert 0 <= sum_s < 1
    assert 1 == durations.failures


def _fail() -> None:
    raise OSError("full")


def test_a_line_of_the_log_is_one_object() -> None:
    """Line breaks in a message make no second line; a traceback is a field."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        set_up(LogSettings(format="json", level="warning"), stream)
        logging.getLogger("stolper.test").warning("from %s", 'x\n{"level": "info"}')
        logging.getLogger("stolper.test").info("too low")
        try:
            _fail()
        except OSError:
            logging.getLogger("stolper.test").exception("failed")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())

    assert ("warning", "stolper.test", 'from x\n{"level": "info"}') == (
        first["level"], first["logger"], first["message"],
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["at"])
    assert "OSError: full" in second["error"]
    assert set(first) == {"at", "level", "logger", "message"}


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    """The state arrives at the socket that systemd names; where it names none, nothing happens."""
    address = f"@stolper-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0") if abstract else address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        told = notify("READY=1"), manager.recv(100)
    gone = notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")

    assert (True, b"READY=1") == told
    assert (False, False) == (gone, notify("READY=1"))
