"""What a caller remembers, read from words in German and English."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from replay.memory import Memory, Span, read_memory

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=BERLIN)  # a Friday
MINUTE = 60_000


def ms(text: str) -> int:
    """Return the Unix milliseconds of a local time, "27. 14:10"."""
    day, clock = text.split(". ")
    hour, minute = map(int, clock.split(":"))
    moment = datetime(2026, 11, int(day), 0, 0, tzinfo=BERLIN)
    return round(moment.timestamp() * 1000) + (60 * hour + minute) * MINUTE


def times(text: str) -> list[str]:
    """Return when *text* may mean, as local times, an extended span by both its ends."""

    def local(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, BERLIN).strftime("%d. %H:%M")

    return [
        local(one.from_ms)
        if one.from_ms == one.until_ms
        else f"{local(one.from_ms)} to {local(one.until_ms)}"
        for one in read_memory(text, NOW).spans
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("about 14:10, checkout, phone", ["27. 14:10"]),
        ("gegen 14.10 Uhr", ["27. 14:10"]),
        ("14 uhr 10", ["27. 14:10"]),
        ("2:10 pm", ["27. 14:10"]),
        ("2.10 p.m.", ["27. 14:10"]),
        ("around 2pm", ["27. 14:00"]),
        ("2:10", ["27. 14:10", "27. 02:10"]),
        ("viertel nach zwei", ["27. 14:15", "27. 02:15"]),
        ("halb drei", ["27. 14:30", "27. 02:30"]),
        ("half past two", ["27. 14:30", "27. 02:30"]),
        ("viertel vor drei am Nachmittag", ["27. 14:45"]),
        ("quarter to 3 in the afternoon", ["27. 14:45"]),
        ("kurz nach 14 uhr", ["27. 14:05"]),
        ("gegen 11", ["27. 11:00", "26. 23:00"]),
        ("um 9:30", ["27. 09:30", "26. 21:30"]),
        ("um 09:30", ["27. 09:30"]),
        ("17:20", ["26. 17:20"]),
        ("gestern 17:20", ["26. 17:20"]),
        ("yesterday at five o'clock", ["26. 17:00", "26. 05:00"]),
        ("gestern um fünf Uhr nachmittags", ["26. 17:00"]),
        ("am 24.11. um 10:15 Uhr", ["24. 22:15", "24. 10:15"]),
        ("24.11.2026 22:15", ["24. 22:15"]),
        ("2026-11-24 10:15 am", ["24. 10:15"]),
        ("Mittwoch 16:00", ["25. 16:00"]),
        ("monday 16:00", ["23. 16:00"]),
        ("vor 20 Minuten", ["27. 14:40"]),
        ("vor etwa einer halben Stunde", ["27. 14:30"]),
        ("2 hours ago", ["27. 13:00"]),
        ("an hour ago, search", ["27. 14:00"]),
        ("gerade eben", ["27. 14:58"]),
        ("heute morgen", ["27. 05:00 to 27. 12:00"]),
        ("this afternoon", ["27. 12:00 to 27. 15:00"]),
        ("gestern Abend", ["26. 17:00 to 27. 00:00"]),
        ("abends", ["26. 17:00 to 27. 00:00"]),
        ("yesterday", ["26. 00:00 to 27. 00:00"]),
        ("checkout, phone", []),
        ("99:99", []),
        ("31.2.", []),
    ],
)  # fmt: skip
def test_times_are_read_as_they_are_told(text: str, expected: list[str]) -> None:
    """Asked on a Friday at three in the afternoon: never ahead; a clock of twelve hours is both times of the day."""
    assert sorted(expected) == sorted(times(text))


@pytest.mark.parametrize(
    "text", ["about 14:10, checkout, phone", "so gegen 14:10 Uhr am Handy, checkout"]
)
def test_the_sentence_of_the_support_desk(text: str) -> None:
    """In both languages: a time with its room for error, a device, a page; filler words are none."""
    at = ms("27. 14:10")

    assert Memory(
        spans=(Span(at, at, 45 * MINUTE),), devices=frozenset({"mobile"}), words=("checkout",)
    ) == read_memory(text, NOW)


@pytest.mark.parametrize(
    ("text", "devices", "browsers", "systems"),
    [
        ("iPhone, Safari", {"mobile"}, {"Safari"}, {"iOS"}),
        ("iPad", {"tablet"}, set(), {"iOS"}),
        ("am PC mit Firefox", {"desktop"}, {"Firefox"}, set()),
        ("Windows laptop, Edge", {"desktop"}, {"Edge"}, {"Windows"}),
        ("Android, Chrome", set(), {"Chrome"}, {"Android"}),
        ("Tablet oder Handy", {"tablet", "mobile"}, set(), set()),
    ],
)
def test_devices_browsers_and_systems_have_their_words(
    text: str, devices: set[str], browsers: set[str], systems: set[str]
) -> None:
    """What a caller calls their device, in both languages."""
    memory = read_memory(text, NOW)

    assert (devices, browsers, systems, ()) == (
        memory.devices, memory.browsers, memory.systems, memory.words,
    )  # fmt: skip


def test_trouble_and_the_rest_are_told_apart() -> None:
    """That something went wrong is known; all words beyond are what to look for, each once and not too many."""
    memory = read_memory(
        "Fehler beim Bezahlen, /kasse/adresse, Bezahlen! "
        + " ".join(f"wort{n}" for n in range(40)),
        NOW,
    )

    assert memory.struggle
    assert ("bezahlen", "/kasse/adresse", "wort0") == memory.words[:3]
    assert 8 == len(memory.words)


def test_when_the_clocks_are_set_back_an_hour_is_still_found() -> None:
    """On the night in which an hour comes twice, and in a zone that is far away."""
    night = datetime(2026, 10, 25, 9, 0, tzinfo=BERLIN)
    auckland = datetime(2026, 11, 28, 3, 0, tzinfo=ZoneInfo("Pacific/Auckland"))
    (first,) = read_memory("02:30", night).spans
    (second,) = read_memory("01:30", auckland).spans

    assert (
        "2026-10-25 02:30"
        == f"{datetime.fromtimestamp(first.from_ms / 1000, BERLIN):%Y-%m-%d %H:%M}"
    )
    assert 90 * MINUTE == round(auckland.timestamp() * 1000) - second.from_ms


@pytest.mark.parametrize("text", ["9999-12-31", "31.12.9999", "0001-01-01", "30.2."])
def test_days_of_no_visit_are_none(text: str) -> None:
    """Whatever day is typed, it is read; where there was none, no time is known."""
    assert () == read_memory(text, NOW).spans


def test_a_leap_day_that_is_still_to_come_is_none() -> None:
    """Early in a leap year its 29th of February is to come, and the year before had none."""
    january = datetime(2028, 1, 5, 9, 0, tzinfo=BERLIN)

    assert () == read_memory("29.2.", january).spans
    assert 1 == len(read_memory("28.2.", january).spans)
