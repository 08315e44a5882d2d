"""What a browser showed of a page, and the cause that `stolper doctor` makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stolper.doctor.causes import Answer, Seen, batch_cause, page_cause, script_cause

BASE = "https://rec.example"
TAG = f"{BASE}/s/sshop.js"
CAME = Answer(TAG, 200)
CONFIG = {"key": "sshop", "base": BASE}


def seen(**changes: Any) -> Seen:
    return replace(Seen("https://shop.example/", BASE, 200, tags=[TAG]), **changes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"forbidden": [("script-src-elem", TAG)]}, "csp_script"),
        ({"forbidden": [("script-src-elem", BASE)]}, "csp_script"),
        ({"forbidden": [("script-src-elem", f"{BASE}/shop.js")], "loader": CAME}, "not_started"),
        ({"forbidden": [("script-src-elem", "inline")], "loader": CAME}, "not_started"),
        ({"forbidden": [("style-src-elem", TAG)], "loader": CAME}, "not_started"),
        ({"forbidden": [("script-src-elem", f"{BASE}/s/recorder.1.js")], "loader": CAME}, "csp_script"),
        ({"tags": []}, "no_line"),
        ({}, "script_blocked"),
        ({"loader": Answer(TAG, 404, "unknown_site")}, "wrong_key"),
        ({"loader": Answer(TAG, 502)}, "script_unreachable"),
        ({"loader": Answer(TAG, 0, failure="mixed-content")}, "script_unreachable"),
        ({"loader": Answer(TAG, 200, problem="it is gzip")}, "script_changed"),
        ({"loader": CAME, "recorder": Answer(TAG, 404)}, "script_unreachable"),
        ({"loader": CAME, "config": {**CONFIG, "options": {"enabled": False}}}, "off"),
        ({"loader": CAME, "config": CONFIG, "wants_none": True}, "signal"),
        ({"loader": CAME, "config": CONFIG}, "not_started"),
    ],
)  # fmt: skip
def test_why_no_recorder_runs(changes: dict[str, Any], code: str) -> None:
    """Policy before line before delivery before switches; what else a page forbids is not ours."""
    assert code == script_cause(seen(**changes)).code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"forbidden": [("connect-src", f"{BASE}/i/sshop")]}, "csp_connect"),
        ({"forbidden": [("connect-src", "https://other.example/i/x")]}, "nothing_sent"),
        ({}, "nothing_sent"),
        ({"batches": [Answer(BASE, 403, "origin")]}, "origin"),
        ({"batches": [Answer(BASE, 503, "reserve")]}, "reserve"),
        ({"batches": [Answer(BASE, 403)]}, "refused"),
        ({"batches": [Answer(BASE, 0, failure="net::ERR_FAILED")]}, "not_sent"),
    ],
)
def test_why_nothing_was_taken(changes: dict[str, Any], code: str) -> None:
    """Policy first, then the last answer, Stolper's or another's."""
    told = batch_cause(seen(**changes))

    assert code == told.code
    assert "{" not in told.what + told.do


def test_why_a_page_does_not_open() -> None:
    """By the answer's status, or in the browser's words."""
    assert "answers 404" in page_cause(seen(status=404)).what
    assert "ERR_NAME" in page_cause(seen(status=0, failure="net::ERR_NAME_NOT_RESOLVED")).what


@pytest.mark.parametrize(
    ("changes", "sure"),
    [
        ({}, False),
        ({"loader": CAME, "config": CONFIG}, False),
        ({"loader": Answer(TAG, 404)}, True),
        ({"loader": CAME, "recorder": Answer(TAG, 200, problem="x")}, True),
        ({"config": CONFIG, "wants_none": True}, True),
        ({"wants_none": True}, False),
        ({"forbidden": [("script-src-elem", TAG)]}, True),
    ],
)
def test_waiting_ends_when_it_is_sure(changes: dict[str, Any], sure: bool) -> None:
    """A line may come late, by a tag manager; a refusal is a refusal."""
    assert sure == seen(**changes).hopeless()
