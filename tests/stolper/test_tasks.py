"""What the server does beside its listeners is told when it ends by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import load_settings
from stolper.app import Server


async def test_a_task_that_fails_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log names the task and its error; tasks that a stop ends are not told."""

    async def fails(*_: object) -> None:
        raise ValueError("out of order")

    monkeypatch.setattr("stolper.retention.Retention.run", fails)
    listens = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
    async with Server(load_settings(tmp_path, env={}, overrides=listens), tmp_path):
        pass

    told = [one.getMessage() for one in caplog.records if "the task" in one.getMessage()]
    assert ["the task 'retention' ended"] == told
    assert "out of order" in caplog.text
