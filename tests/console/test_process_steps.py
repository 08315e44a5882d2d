"""What of a recorded session is offered as steps of a process."""

from __future__ import annotations

import pytest

from console.process_form import FormStep
from console.process_steps import general, offers


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/orders/10423/summary", "/orders/*/summary"),
        ("/o/ord-1042", "/o/*"),
        ("/x/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "/x/*"),
        ("/reset/9f86d081884c7d65", "/reset/*"),
        ("/de/checkout", "/*/checkout"),
        ("/en-GB/checkout/step2", "/*/checkout/step2"),
        ("/my/account", "/my/account"),
        ("/de", "/de"),
        ("/", "/"),
        ("/products/grey-wool-scarf", "/products/grey-wool-scarf"),
    ],
)
def test_what_is_of_one_visit_stands_for_any(path: str, expected: str) -> None:
    """Numbers, ids and a language in front become `*`; words stay."""
    assert expected == general(path)


def test_pages_presses_and_events_are_offered_once_in_order() -> None:
    """Fields to type in and what is not pressable are no steps; a masked label is no name."""
    path = [{"tag": "button", "id": "pay"}]
    button = {"tag": "button", "interactive": True, "label": "Pay", "path": path}
    events = [
        {"type": "page", "ts": 1000.0, "path": "/checkout"},
        {"type": "click", "ts": 1500.0, "target": {**button, "editable": True}},
        {"type": "click", "ts": 1600.0, "target": {**button, "interactive": False}},
        {"type": "click", "ts": 1700.0, "target": button},
        {"type": "click", "ts": 1800.0, "target": button},
        {"type": "click", "ts": 1900.0, "target": {**button, "label": "•••", "path": [{"tag": "a", "id": "x"}]}},
        {"type": "custom", "ts": 2000.0, "name": "order_placed"},
        {"type": "page", "ts": 2100.0},
    ]  # fmt: skip
    found = offers(events, 1000.0, "de")

    assert [
        (0, FormStep("page", "/checkout", de="Checkout"), 1),
        (700, FormStep("click", "#pay", de="Pay"), 2),
        (900, FormStep("click", "#x"), 1),
        (1000, FormStep("custom", "order_placed", de="Order placed"), 1),
    ] == [(one.at_ms, one.step, one.times) for one in found]
    assert "Checkout" == offers(events, 1000.0, "en")[0].step.en
