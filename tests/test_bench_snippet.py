"""The bench of the snippet runs, weighs what is built, and refuses a replay that is not the page."""

from __future__ import annotations

import json

import pytest

from bench.snippet.__main__ import options_of, run
from bench.snippet.sizes import brotli_bytes
from bench.snippet.visit import longest_task_ms
from stolper.paths import snippet_dir
from tests.building import built

LOADER_BYTES = 2048
RECORDER_BYTES = 47_400
"""What a page loads later, with brotli. Every byte has to earn its place: the last 100 tell what had not
loaded before the recorder ran, those before ask for code and link (80) and tell where in a script an error lies."""


@pytest.mark.browser
async def test_the_bench_measures_a_visit_whose_replay_is_the_page() -> None:
    """One page, with and without the recorder: it costs something, arrives, and replays equal."""
    lines: list[str] = []
    words = "--pages static --recorders none stolper --repeats 1 --stay 3 --parts code cost"
    fine = await run(options_of(words.split()), lines.append)
    text = "\n".join(lines)
    rows = [line.split() for line in lines if line.startswith("  stolper")]
    code, cpu, sent = (row[1:] for row in rows[:3])
    bare = next(line.split()[1:] for line in lines if line.startswith("  none"))

    assert fine, text
    assert "1 of 1" in text
    assert int(code[0].replace(",", "")) <= LOADER_BYTES, text
    assert int(bare[0]) > 0, text
    assert int(cpu[0]) > -int(bare[0]), text  # one visit each: on a busy machine that may be less
    assert int(sent[0].replace(",", "")) > 1000, text


def test_the_longest_task_is_one_of_the_recorder() -> None:
    """Of the tasks of a trace only those count in which a script with the recorder's URL ran."""
    task = {"ph": "X", "name": "ThreadControllerImpl::RunTask", "pid": 1, "tid": 1}
    call = {"ph": "X", "name": "FunctionCall", "pid": 1, "tid": 1}
    events: list[dict[str, object]] = [
        {**task, "ts": 0, "dur": 90_000, "tdur": 80_000},
        {**call, "ts": 10, "args": {"data": {"url": "http://page/app.js"}}},
        {**task, "ts": 100_000, "dur": 60_000, "tdur": 30_000},
        {**call, "ts": 100_500, "args": {"data": {"url": "http://page/recorder.1.js"}}},
        {**task, "tid": 2, "ts": 100_000, "dur": 70_000, "tdur": 70_000},
    ]

    assert 30 == longest_task_ms(events, "recorder.")
    assert 0 == longest_task_ms(events, "other.")


def test_the_recorder_stays_within_its_budget() -> None:
    """The recorder as browsers get it, and the file that is sent is that recorder."""
    folder = snippet_dir()
    manifest = json.loads(built(folder.parent / "build.mjs", folder / "manifest.json").read_text())
    recorder = (folder / manifest["recorder"]).read_bytes()
    sent = (folder / f"{manifest['recorder']}.br").stat().st_size

    assert abs(brotli_bytes(recorder) - sent) < sent / 100
    assert sent <= RECORDER_BYTES
