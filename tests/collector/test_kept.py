"""Pages that were loaded before an upgrade find the files that their loader names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.kept import KEPT_MS, keep_snippet
from tests.collector.support import Collector
from tests.core.support import ManualClock

DAY_MS = 86_400_000


def build(snippet: Path, version: str) -> str:
    """Build another version in *snippet*, as a new wheel would: the files before are gone."""
    for path in snippet.iterdir():
        path.unlink()
    (snippet / "loader.js").write_text('boot("__STOLPER_CONFIG__");')
    (snippet / f"recorder.{version}.js").write_text(f"/* {version} */")
    (snippet / f"recorder.{version}.js.gz").write_bytes(b"compressed")
    names = {"loader": "loader.js", "recorder": f"recorder.{version}.js", "parts": {}}
    (snippet / "manifest.json").write_text(json.dumps({**names, "version": version}))
    return f"recorder.{version}.js"


async def test_a_recorder_of_the_version_before_is_served(
    collector: Collector, snippet: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """After an upgrade both the new and the old file are there, immutable; unknown ones are not."""
    old = build(snippet, "old")
    keep_snippet(snippet, tmp_path / "kept", clock)
    new = build(snippet, "new")
    keep_snippet(snippet, tmp_path / "kept", clock)
    answers = []
    for name in (old, new, "recorder.other.js", "in-use.json", "..%2Fkept%2F" + old):
        answer = await collector.client.get(f"/s/{name}", headers={"Accept-Encoding": "identity"})
        answers.append((answer.status, "immutable" in answer.headers.get("Cache-Control", "")))
        if answer.status == 200:
            assert f"/* {name.split('.')[1]} */" == await answer.text()

    assert [(200, True), (200, True)] == answers[:2]
    assert {404} == {status for status, _ in answers[2:]}


def test_a_version_goes_a_month_after_it_was_replaced(
    snippet: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """However long it had run: what counts is when the next one began."""
    kept = tmp_path / "kept"

    def held() -> set[str]:
        keep_snippet(snippet, kept, clock)
        return {path.name for path in kept.glob("recorder.*.js")}

    old = build(snippet, "old")
    first = held()
    clock.advance(400 * DAY_MS)
    still = held()
    new = build(snippet, "new")
    at_upgrade = held()
    clock.advance(KEPT_MS - 1000)
    before = held()
    clock.advance(2000)
    after = held()

    assert ({old}, {old}) == (first, still)
    assert ({old, new}, {old, new}, {new}) == (at_upgrade, before, after)


def test_a_version_that_comes_back_stays(snippet: Path, tmp_path: Path, clock: ManualClock) -> None:
    """Who goes back to the version before has it in use again."""
    kept = tmp_path / "kept"
    for version in ("old", "new", "old"):
        build(snippet, version)
        keep_snippet(snippet, kept, clock)
    clock.advance(2 * KEPT_MS)
    keep_snippet(snippet, kept, clock)

    assert {"recorder.old.js"} == {path.name for path in kept.glob("recorder.*.js")}


def test_what_cannot_be_kept_does_not_stop_a_start(
    snippet: Path, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A file where the folder should be: a line in the log, and the server goes on."""
    (tmp_path / "kept").write_text("in the way")
    build(snippet, "new")
    keep_snippet(snippet, tmp_path / "kept", clock)
    keep_snippet(tmp_path / "nothing built", tmp_path / "fresh", clock)

    assert 1 == len([text for text in caplog.messages if "could not be kept" in text])
