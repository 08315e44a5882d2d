"""Event rows in words: what hands did, in both languages, from the facts alone."""

from __future__ import annotations

from typing import Any

import pytest

from console.language import Languages
from console.texts import row_text
from replay.timeline import event_row


@pytest.mark.parametrize(
    ("event", "english", "german"),
    [
        (
            {"type": "vitals", "kind": "lcp", "lcp_ms": 6_240},
            ("Slow page", "took 6.2 s"),
            ("Langsame Seite", "dauerte 6,2 s"),
        ),
        (
            {"type": "vitals", "kind": "inp", "inp_ms": 900},
            ("The page did not react", "took 0.9 s"),
            ("Die Seite reagierte nicht", "dauerte 0,9 s"),
        ),
        (
            {"type": "copy", "kind": "copy", "region": "error"},
            ("Copied an error message", "#x"),
            ("Fehlermeldung kopiert", "#x"),
        ),
        ({"type": "copy", "kind": "paste"}, ("Pasted", "#x"), ("Eingefügt", "#x")),
        (
            {"type": "key", "class": "esc", "count": 9},
            ("Keys pressed without a reaction", "9 times"),
            ("Tasten gedrückt, ohne Reaktion", "9-mal"),
        ),
        (
            {"type": "cursor", "kind": "shake"},
            ("Mouse pointer shaken", "#x"),
            ("Mauszeiger hin und her bewegt", "#x"),
        ),
        (
            {"type": "gesture", "kind": "swipe"},
            ("Swiped without a reaction", "#x"),
            ("Gewischt, ohne Reaktion", "#x"),
        ),
        (
            {"type": "gesture", "kind": "pinch", "blocked": True},
            ("Zoomed with two fingers", "the page forbids it"),
            ("Mit zwei Fingern gezoomt", "die Seite verbietet es"),
        ),
        (
            {"type": "gesture", "kind": "rotate", "orientation": "landscape"},
            ("Device turned", ""),
            ("Gerät gedreht", ""),
        ),
        (
            {"type": "field", "field": "size", "cause": "choice"},
            ("Chose in #x", ""),
            ("In #x gewählt", ""),
        ),
    ],
)
def test_what_hands_did_is_told_in_words(
    event: dict[str, Any], english: tuple[str, str], german: tuple[str, str]
) -> None:
    """Each row says what happened, where or how long, in English and German."""
    row = event_row(
        {"i": 1, "ts": 1.0, "page_load": "a", "tab": "t", "target": {"key": "#x"}, **event}
    )
    assert row
    languages = Languages()

    assert english == row_text(row, languages["en"])
    assert german == row_text(row, languages["de"])
