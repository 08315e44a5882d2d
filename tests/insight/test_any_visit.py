"""Whatever a visit did, and in whatever order: what stands for it in lists and counts can be made, and holds together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Evidence, Flag, Session, StoredBatch
from detector.loader import read_rules
from detector.steps import Steps
from insight.effort import with_effort
from insight.maps import with_sights
from insight.paths import with_ways
from insight.walks import with_walks
from replay.document import document_of
from tests.insight.generator import PROCESS, STEPS

PROCESSES = {
    "any order": PROCESS,
    "strict": PROCESS + "    strict: true\n",
    "within five minutes": PROCESS + "    time_limit: 5m\n",
    "from its goal on": PROCESS.replace("goal: done", "goal: basket").replace(
        "    value: props.total\n", ""
    ),
}
STARTED = 1_790_000_000_000

PLACES = st.sampled_from(("/", "/basket", "/address", "/pay", "/terms"))
ACTS = st.one_of(
    st.builds(lambda nav: {"type": "page", "nav": nav}, st.sampled_from(("load", "route", "reload"))),
    st.builds(
        lambda id_, answered: {
            "type": "click", "target": {"key": id_, "tag": "button", "path": [{"tag": "button", "id": id_}]},
            "trusted": True, "x": 10, "y": 20, **({"answered_ms": 5.0} if answered else {}),
        },
        st.sampled_from(("voucher", "buy")), st.booleans(),
    ),
    st.builds(
        lambda name, cause, ms: {
            "type": "field", "form": "order", "field": name, "cause": cause, "changed": True, "length": 3, "focus_ms": ms,
        },
        st.sampled_from(("zip", "iban")), st.sampled_from(("blur", "input", "submit")), st.sampled_from((0.0, 900.0, 1e9)),
    ),
    st.just({"type": "custom", "name": "order_placed", "props": {"total": 5}}),
    st.builds(lambda state: {"type": "visibility", "state": state}, st.sampled_from(("hidden", "visible"))),
    st.just({"type": "scroll", "direction": "down", "px": 400.0, "depth": 0.5, "pages": 3.0}),
    st.builds(lambda kind: {"type": "leave", "kind": kind}, st.sampled_from(("route", "close"))),
)  # fmt: skip
VISITS = st.lists(
    st.tuples(ACTS, PLACES, st.sampled_from((0, 0, 1, 900, 400_000)), st.sampled_from("ab")),
    min_size=1,
    max_size=25,
)


def batches(acts: list[tuple[dict[str, Any], str, int, str]]) -> list[StoredBatch]:
    """Return what was done, in two tabs, as it is stored."""
    at, events = 0, dict[str, list[dict[str, Any]]]()
    for act, path, wait_ms, tab in acts:
        at += wait_ms
        own = events.setdefault(tab, [])
        place = {"i": len(own), "t": float(at), "ts": float(STARTED + at)}
        own.append({**act, **place, "path": path, "page_load": tab, "tab": tab, "view": 0})
    return [
        StoredBatch(number, "s", "visit", tab, tab, 0, STARTED, own, ())
        for number, (tab, own) in enumerate(events.items(), 1)
    ]


def session(stored: list[StoredBatch], *, ended: bool) -> Session:
    """Return the visit of *stored*."""
    last = max(round(event["ts"]) for batch in stored for event in batch.events)
    return Session(
        "visit", "s", "shop", STARTED, last, last if ended else None, "left" if ended else None,
        1, 1, 0, complete=True, visitor=None, identity=None, attributes={"device": "mobile"},
        entry_path="/", last_path="/", top_severity=None, rules=(),
    )  # fmt: skip


def flags(stored: list[StoredBatch]) -> list[Flag]:
    """Return a struggle at each third event."""
    every = [event for batch in stored for event in batch.events][::3]
    return [
        Flag(
            f"flag-{number}", "visit", "s", "dead_click", "1", "", number, {}, "medium", 1.0, event["ts"], event["ts"],
            event["ts"], 1, event["path"], None, event["tab"], event["page_load"],
            (Evidence(f"{event['page_load']}:{event['i']}", event["ts"], event["type"], event["path"]),), {},
            provisional=False,
        )
        for number, event in enumerate(every)
    ]  # fmt: skip


@pytest.mark.parametrize("process", PROCESSES)
@given(acts=VISITS, ended=st.booleans())
def test_any_visit_stands_in_lists_and_counts(
    process: str, acts: list[tuple[dict[str, Any], str, int, str]], *, ended: bool
) -> None:
    """All that is counted of a visit can be made of any events; its times are none below zero, its steps declared ones."""
    rules, issues = read_rules([], {"process.yaml": PROCESSES[process]})
    assert [] == [one for one in issues if one.level == "error"]
    stored = batches(acts)
    visit, met = session(stored, ended=ended), flags(stored)

    document = document_of(visit, stored, [], met)
    document = with_walks(document, Steps(rules), visit, stored, met)
    document = with_effort(document, visit, stored, None)
    document = with_sights(with_ways(document, visit, stored), stored, met)

    for walk in document.walks:
        assert {*walk.stops} <= {*STEPS}
        assert [at for _, at in walk.steps] == sorted(at for _, at in walk.steps)
        assert walk.furthest in dict(walk.steps)
    spans = [one for use in document.forms for one in use.fields]
    assert all((one.spent_ms or 0) >= 0 and (one.waited_ms or 0) >= 0 for one in spans)
    assert all(work.visible_ms >= 0 for work in document.works)
