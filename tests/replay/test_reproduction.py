"""From events and a recording to steps, and from steps to a test's text: pure functions."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotFound
from core.model import Evidence, Flag, Session, Site
from replay.recording import LoadRecording
from replay.reproduction.inputs import typed_in
from replay.reproduction.making import chosen
from replay.reproduction.places import places_of
from replay.reproduction.script import Recorded, script
from replay.reproduction.steps import Visit, visit_of

PAY = {
    "key": "#pay",
    "tag": "button",
    "role": "button",
    "label": "Pay now",
    "node": 7,
    "path": [{"tag": "button", "id": "pay", "classes": ["button"]}, {"tag": "form", "id": "cart"}],
}
ZIP = {
    "key": "#zip",
    "tag": "input",
    "input_type": "text",
    "role": "textbox",
    "label": "xxxxxxxx",
    "node": 9,
    "editable": True,
    "path": [{"tag": "input", "id": "zip"}],
}
SITE = Site("s1", "shop", ("https://shop.example",), "full", "standard", 1_800_000, 0)
SESSION = Session(
    "v1", "s1", "shop", 0, 9_000, 9_000, "idle", 1, 1, 0, True, None, None,
    {"language": "de-DE"}, "/cart", "/cart", None, (),
)  # fmt: skip


def events(*given: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"i": i, "page_load": "p", "tab": "t", "path": "/cart", **one}
        for i, one in enumerate(given)
    ]


def page(ts: float, **more: Any) -> dict[str, Any]:
    return {"ts": ts, "type": "page", "nav": "load", "referrer": "none", **more}


def press(ts: float, target: dict[str, Any] = PAY, **more: Any) -> dict[str, Any]:
    return {"ts": ts, "type": "click", "trusted": True, "target": target, "hold_ms": 50, **more}


def typed(ts: float, text: str) -> dict[str, Any]:
    return {"type": 3, "timestamp": ts, "data": {"source": 5, "id": 9, "text": text}}


def flag(*evidence: tuple[int, str], at: float = 5_000, rule: str = "rage_click") -> Flag:
    proof = tuple(Evidence(f"p:{i}", at, kind, "/cart") for i, kind in evidence)
    return Flag(
        "f1", "v1", "s1", rule, "1", "#pay", 1, {"en": "Rage click"}, "high", 6, at, at, at, 1,
        "/cart", {"key": "#pay", "label": "Pay now"}, "t", "p", proof, {}, False,
    )  # fmt: skip


def recording(*inputs: dict[str, Any]) -> list[LoadRecording]:
    return [LoadRecording("p", "t", 0, list(inputs))]


def text_of(visit: Visit, raised: Flag, *, stub: bool = False) -> str:
    recorded = Recorded(SESSION, SITE, raised, "https://shop.example", {}, "1.2.3")
    return script(visit, recorded, stub=stub)


def test_presses_in_a_burst_are_one_step_in_their_rhythm() -> None:
    """Presses of one thing within 1.5 s of one another are one step; a later one is a step of its own."""
    told = events(page(0), press(1000), press(1150), press(1300), press(4000))
    visit = visit_of(told, recording(), flag((1, "click"), (2, "click"), (4, "click")))
    presses = [step for step in visit.steps if step.kind == "press"]

    assert [[0, 150, 300], [0]] == [step.facts["times"] for step in presses]
    assert [True, True] == [step.matters for step in presses]


def test_what_comes_after_the_flag_is_left_out() -> None:
    """Steps end with the last event that the flag rests on."""
    told = events(page(0), press(1000), press(5000), press(9000))
    visit = visit_of(told, recording(), flag((2, "click")))

    assert [0, 1000, 5000] == [step.at_ms for step in visit.steps]


def test_a_page_that_a_press_led_to_is_waited_for() -> None:
    """A page of the same site soon after a press is arrived at; one from elsewhere is opened."""
    told = events(
        page(0), press(1000), page(1500, referrer="same", path="/pay"), page(9000, path="/help")
    )
    visit = visit_of(told, recording(), flag((3, "page"), at=9000))

    assert ["open", "press", "arrive", "open"] == [step.kind for step in visit.steps]


def test_the_press_that_led_to_a_flagged_page_counts_itself() -> None:
    """A mended link leads elsewhere: then the page is not arrived at, but its press was done."""
    told = events(page(0), press(1000), page(1500, referrer="same", path="/gone", status=404))
    visit = visit_of(told, recording(), flag((2, "page"), at=1500, rule="error_page"))

    assert [False, True, True] == [step.matters for step in visit.steps]


def test_typing_is_told_by_its_turning_points() -> None:
    """Of a masked value the lengths are known between which it grew and shrank."""
    told = events(page(0), {"ts": 4000, "type": "field", "target": ZIP, "cause": "blur"})
    masks = [typed(1000 + 100 * i, "•" * n) for i, n in enumerate([1, 2, 3, 4, 5, 2, 1, 3, 5])]
    (one,) = typed_in(masks, told)

    assert ([5, 1, 5], None) == (one.lengths, one.text)


def test_typing_before_and_after_a_press_is_two_steps() -> None:
    """Who types, presses and types again does so again in that order."""
    told = events(page(0), press(1500), {"ts": 4000, "type": "field", "target": ZIP})
    found = typed_in([typed(1000, "•••"), typed(2000, "••••")], told)

    assert [(1000, [3]), (2000, [4])] == [(one.at_ms, one.lengths) for one in found]


def test_what_a_site_released_is_typed_as_it_was() -> None:
    """A value that the recording shows is typed itself."""
    told = events(page(0), {"ts": 4000, "type": "field", "target": ZIP})

    assert ["BERG10"] == [one.text for one in typed_in([typed(1000, "BERG10")], told)]


def test_a_card_number_is_typed_where_its_field_was_pressed() -> None:
    """Nothing is recorded of a sensitive field but its existence: a stand-in goes where it was pressed."""
    left = {"ts": 3000, "type": "field", "target": ZIP, "sensitive": True, "cause": "blur"}
    (one,) = typed_in([], events(page(0), press(1000, ZIP), left))

    assert (1150, [], None) == (one.at_ms, one.lengths, one.text)


@pytest.mark.parametrize(
    ("flags", "refused", "wrong"), [(["aria"], True, False), (["typeMismatch"], False, True)]
)
def test_who_refused_a_value_says_what_its_stand_in_is_like(
    flags: list[str], refused: bool, wrong: bool
) -> None:
    """Refused by the page alone: a value of the right form; refused by the browser: of a wrong one."""
    left = {"ts": 3000, "type": "field", "target": ZIP, "invalid": True, "invalid_flags": flags}
    (one,) = typed_in([typed(1000, "•••••")], events(page(0), left))

    assert (refused, wrong) == (one.refused, one.wrong)


def test_places_go_from_robust_to_general_and_skip_masked_names() -> None:
    """Id, then role and name, then a selector; a name that is masked finds nothing."""
    named = [
        'page.locator("#pay")',
        'page.get_by_role("button", name="Pay now", exact=True)',
        'page.locator("#cart button.button")',
    ]

    assert named == places_of(PAY)
    assert ['page.locator("#zip")', 'page.locator("input")'] == places_of(ZIP)


def test_the_most_severe_flag_is_chosen_unless_one_is_named() -> None:
    """Without a name the most severe and first; an unknown name is refused with those that there are."""
    one = flag(rule="dead_click")

    assert one is chosen([one], None)
    with pytest.raises(NotFound, match="these did: dead_click"):
        chosen([one], "freeze")
    with pytest.raises(NotFound, match="nothing to reproduce"):
        chosen([], None)


def test_failed_requests_are_answered_as_they_were_only_with_stub() -> None:
    """`--stub` writes an answer for each failed request, with its status and how long it took."""
    request = {
        "ts": 1010, "type": "request", "method": "POST", "url": "/api/pay", "status": 503,
        "duration_ms": 1200.0, "click": 1,
    }  # fmt: skip
    raised = flag((1, "click"), (2, "request"), rule="failed_request")
    visit = visit_of(events(page(0), press(1000), request), recording(), raised)

    assert "visit.answers" not in text_of(visit, raised)
    assert 'visit.answers("POST", "/api/pay", status=503, after=1.2)' in text_of(
        visit, raised, stub=True
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_of_a_page_becomes_code(label: str, path: str) -> None:
    """Labels, ids and paths come from strangers: whatever they are, the test is the same code."""
    target = {**PAY, "label": label, "path": [{"tag": "button", "id": label or "x"}]}
    told = events(page(0, path="/" + path), press(1000, target, path="/" + path))
    raised = flag((1, "click"))
    (test,) = [
        node
        for node in ast.parse(text_of(visit_of(told, recording(), raised), raised)).body
        if isinstance(node, ast.FunctionDef)
    ]
    calls = {
        node.func.attr
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert calls <= {
        "open", "in_time", "pause", "press", "locator", "get_by_role", "proves_mended",
    }  # fmt: skip
