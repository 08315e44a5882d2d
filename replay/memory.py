"""
What a caller remembers of a visit, read from words: "about 14:10, checkout, phone", „gestern Abend am Handy".

German and English, whatever the console's language. Pure: the moment of asking, with its time zone, comes in as
a parameter. Which visits fit best is replay/candidates.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_TEXT = 200
MOST_WORDS = 8

CLOCK_GIVE_MS = 45 * 60_000
"""A time of day that a caller tells is hardly further off; a part of the day may be by an hour."""

PART_GIVE_MS = 60 * 60_000
AHEAD = timedelta(minutes=10)
"""A clock on a wall may be that fast: what is further ahead was yesterday."""


@dataclass(frozen=True, slots=True)
class Span:
    """When it was: from, until, and how far off it may be."""

    from_ms: int
    until_ms: int
    give_ms: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What was understood. *spans* are those that may be meant: 2:10 is two times of a day."""

    spans: tuple[Span, ...] = ()
    devices: frozenset[str] = frozenset()
    browsers: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    struggle: bool = False  # something went wrong
    words: tuple[str, ...] = ()  # all else: pages, buttons, what went wrong


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_HOURS = {
    word: hour
    for words in (
        "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "eins zwo drei vier fuenf sechs sieben acht neun zehn elf zwoelf",
        "one two three four five six seven eight nine ten eleven twelve",
    )
    for hour, word in enumerate(words.split(), 1)
}
_HOUR = r"(\d{1,2}|" + "|".join(_HOURS) + r")\b"
_DAYS = {
    word: day
    for words in (
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
        "monday tuesday wednesday thursday friday saturday sunday",
    )
    for day, word in enumerate(words.split())
}
_PARTS = (
    (r"heute (?:morgen|früh)|morgens|in der früh|(?:this )?morning", 5, 12),
    (r"(?:heute )?vormittags?", 8, 12),
    (r"nachmittags?|(?:this )?afternoon", 12, 18),
    (r"(?:heute )?mittags?|noon|lunch ?time|midday", 11, 14),
    (r"(?:heute )?abends?|(?:this )?evening|tonight|last night", 17, 24),
    (r"(?:heute )?nachts?|(?:at )?night", 0, 6),
)
_DEVICES = {
    "mobile": "handy smartphone mobil mobile phone mobiltelefon iphone cellphone cell",
    "tablet": "tablet ipad",
    "desktop": "pc computer rechner laptop notebook desktop mac macbook windows",
}
_BROWSERS = {
    "Chrome": "chrome", "Firefox": "firefox", "Safari": "safari", "Edge": "edge",
    "Opera": "opera", "Samsung Internet": "samsung", "DuckDuckGo": "duckduckgo",
}  # fmt: skip
_SYSTEMS = {
    "iOS": "iphone ipad ios", "Android": "android", "Windows": "windows",
    "macOS": "mac macbook macos", "Linux": "linux ubuntu",
}  # fmt: skip
_TROUBLE = _words(
    "fehler error errors problem probleme kaputt broken hängt hing stuck failed nichts nothing",
    "geklemmt abgestürzt crashed fehlermeldung",
)
_NOISE = _words(
    "auf der die das dem den des im in am an mit vom von und oder bei beim um zu zur gegen etwa ungefähr circa ca",
    "rund so war ist hat hatte nicht kein keine ging geht konnte wollte er sie ich es ein eine einem kunde kundin",
    "anrufer anruferin uhr sagt wohl vielleicht kurz seite war's per über dann heute",
    "about around at on the a an with from and or near by was is has had not did could couldn't can can't he she",
    "they it customer caller says said using used via page of to his her their my maybe roughly approximately",
    "approx o'clock today then when while",
)
_USED = _NOISE | _TROUBLE | _words(*_DEVICES.values(), *_BROWSERS.values(), *_SYSTEMS.values())


class _Text:
    """A text from which what was understood is taken away."""

    def __init__(self, text: str) -> None:
        self.left = text

    def take(self, pattern: str) -> re.Match[str] | None:
        """Return the first place where *pattern* fits whole words, and take it away."""
        found = re.search(rf"(?<![\w/-]){pattern}", self.left)
        if found:
            self.left = f"{self.left[: found.start()]} , {self.left[found.end() :]}"
        return found


def read_memory(text: str, now: datetime) -> Memory:
    """Return what *text* tells. *now* is the moment of asking, with the zone that the caller's times are of."""
    rest = _Text(f" {text[:MOST_TEXT].lower()} ")
    day = _day(rest, now)
    part = _part(rest)
    spans = _spans(rest, now, day, part)
    tokens = [word.strip(".!?\"'„“”()") for word in re.split(r"[\s,;]+", rest.left)]
    tokens = [word for word in tokens if word]
    words = [
        word
        for word in dict.fromkeys(tokens)
        if word not in _USED and (len(word) > 1 or word == "/")
    ]
    return Memory(
        spans,
        devices=_named(tokens, _DEVICES),
        browsers=_named(tokens, _BROWSERS),
        systems=_named(tokens, _SYSTEMS),
        struggle=not _TROUBLE.isdisjoint(tokens),
        words=tuple(words[:MOST_WORDS]),
    )


def _named(tokens: list[str], names: dict[str, str]) -> frozenset[str]:
    return frozenset(
        name for name, words in names.items() if not set(words.split()).isdisjoint(tokens)
    )


def _day(rest: _Text, now: datetime) -> datetime | None:
    """Return the beginning of the day that is named; None if none is."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if found := rest.take(r"(\d{4})-(\d{2})-(\d{2})\b"):
        return _date(today, int(found[1]), int(found[2]), int(found[3]))
    if found := rest.take(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})?(?!\d)"):
        year = int(found[3] or today.year)
        date = _date(today, year + 2000 * (year < 100), int(found[2]), int(found[1]))
        if date is not None and not found[3] and date > now:
            return _date(today, date.year - 1, date.month, date.day)
        return date
    back = (
        (2, r"vorgestern\b|(?<!\w)the day before yesterday\b"),
        (1, r"gestern\b|(?<!\w)yesterday\b"),
        (0, r"heute\b(?! (?:morgen|früh|abend|mittag|vormittag|nacht))|(?<!\w)today\b"),
    )
    for days, pattern in back:
        if rest.take(f"(?:{pattern})"):
            return today - timedelta(days=days)
    if found := rest.take(rf"({'|'.join(_DAYS)})\b"):
        return today - timedelta(days=(today.weekday() - _DAYS[found[1]]) % 7)
    return None


def _date(today: datetime, year: int, month: int, day: int) -> datetime | None:
    """Return that day; None if there is none, or nothing was recorded by then."""
    if not 2000 <= year <= today.year + 1:
        return None
    try:
        return today.replace(year=year, month=month, day=day)
    except ValueError:
        return None


def _part(rest: _Text) -> tuple[int, int] | None:
    """Return the hours of the part of the day that is named."""
    for pattern, first, last in _PARTS:
        if rest.take(rf"(?:{pattern})\b"):
            return first, last
    return None


def _spans(
    rest: _Text, now: datetime, day: datetime | None, part: tuple[int, int] | None
) -> tuple[Span, ...]:
    ago = _ago(rest)
    if ago is not None:
        return (_at(now - ago),)
    clock = _clock(rest)
    if clock is None:
        return _whole(now, day, part)
    hour, minute, sure = clock
    hours = [hour] if sure else [hour % 12, hour % 12 + 12]
    if part is not None:
        hours = [one for one in hours if part[0] - 1 <= one <= part[1]] or hours
    moments = sorted(_moments(now, day, hours, minute), reverse=True)
    return tuple(_at(one) for one in moments)


def _at(moment: datetime) -> Span:
    at_ms = round(moment.timestamp() * 1000)
    return Span(at_ms, at_ms, CLOCK_GIVE_MS)


def _moments(
    now: datetime, day: datetime | None, hours: list[int], minute: int
) -> Iterator[datetime]:
    """Yield when it may have been: on *day*, else the last time that a clock showed that."""
    for hour in hours:
        at = (day or now).replace(hour=hour % 24, minute=minute, second=0, microsecond=0)
        if day is None and at > now + AHEAD:
            at -= timedelta(days=1)
        if at <= now + AHEAD:
            yield at


def _whole(now: datetime, day: datetime | None, part: tuple[int, int] | None) -> tuple[Span, ...]:
    """Return a whole day, or a part of one, as far as it is over."""
    if day is None and part is None:
        return ()
    first, last = part or (0, 24)
    begin = (day or now).replace(hour=0, minute=0, second=0, microsecond=0)
    if day is None and begin + timedelta(hours=first) > now:
        begin -= timedelta(days=1)
    from_, until = begin + timedelta(hours=first), min(begin + timedelta(hours=last), now)
    if until < from_:
        return ()
    from_ms, until_ms = (round(one.timestamp() * 1000) for one in (from_, until))
    return (Span(from_ms, until_ms, PART_GIVE_MS if part else 0),)


def _ago(rest: _Text) -> timedelta | None:
    """Return how long ago it was, if that is how it is told."""
    if rest.take(r"(?:gerade eben|gerade|eben|jetzt|just now|right now|just|now)\b"):
        return timedelta(minutes=2)
    number = r"(\d+|einer halben|halben|half an|einer?|einem|an?|one)"
    unit = r"(min\w*|std\w*|stunden?|h|hours?|hrs?)\b"
    about = r"(?:etwa |ca\.? |rund |ungefähr |about |around )?"
    found = rest.take(rf"vor {about}{number} ?{unit}") or rest.take(
        rf"{number} ?{unit} (?:ago|her)\b"
    )
    if not found:
        return None
    count = 0.5 if "hal" in found[1] else float(found[1]) if found[1].isdigit() else 1.0
    minutes = count if found[2].startswith("min") else 60 * count
    return timedelta(minutes=min(minutes, 60 * 24 * 60))


def _clock(rest: _Text) -> tuple[int, int, bool] | None:
    """Return the hour and minute that are told, and whether the hour is that of a 24-hour clock for sure."""
    for pattern, read in _CLOCKS:
        found = rest.take(pattern)
        if found is None:
            continue
        hour, minute, sure = read(found)
        if 0 <= minute < 60 and hour < 24:
            return hour, minute, sure or hour > 12 or hour == 0
    return None


def _hour(text: str) -> int:
    return int(text) if text.isdigit() else _HOURS[text]


def _digital(found: re.Match[str]) -> tuple[int, int, bool]:
    hour, half = int(found[1]), (found[3] or "").strip().replace(".", "")
    return _twelve(hour, half), int(found[2] or 0), bool(half) or found[1].startswith("0")


def _twelve(hour: int, half: str) -> int:
    """Return the hour of a 24-hour clock; *half* is am, pm or neither."""
    return hour % 12 + 12 * (half == "pm") if half in ("am", "pm") else hour


def _before(minutes: int) -> Callable[[re.Match[str]], tuple[int, int, bool]]:
    """Return what reads so many minutes before an hour that is told."""
    return lambda found: ((_hour(found[1]) - 1) % 24, 60 - minutes, False)


def _after(minutes: int) -> Callable[[re.Match[str]], tuple[int, int, bool]]:
    return lambda found: (_hour(found[1]), minutes, False)


_HALF = r"( ?(?:am|pm|a\.m\.|p\.m\.)(?!\w))?"
_UHR = r"(?: ?uhr\b| ?h\b)?"
_CLOCKS: tuple[tuple[str, Callable[[re.Match[str]], tuple[int, int, bool]]], ...] = (
    (rf"(\d{{1,2}})[:.](\d{{2}})(?!\d){_HALF}{_UHR}", _digital),
    (rf"viertel vor {_HOUR}", _before(15)),
    (rf"quarter to {_HOUR}", _before(15)),
    (rf"dreiviertel {_HOUR}", _before(15)),
    (rf"viertel nach {_HOUR}", _after(15)),
    (rf"quarter past {_HOUR}", _after(15)),
    (rf"halb {_HOUR}", _before(30)),
    (rf"half past {_HOUR}", _after(30)),
    (rf"kurz vor {_HOUR}{_UHR}", _before(5)),
    (rf"(?:just|shortly) before {_HOUR}", _before(5)),
    (rf"kurz nach {_HOUR}{_UHR}", _after(5)),
    (rf"(?:just|shortly) after {_HOUR}", _after(5)),
    (r"(\d{1,2}) ?uhr (\d{2})()\b", _digital),
    (rf"{_HOUR} ?(?:uhr|o'?clock)\b", _after(0)),
    (r"(\d{1,2})() ?(am|pm|a\.m\.|p\.m\.)(?!\w)", _digital),
    (rf"(?:gegen|um|at|around|about|circa|ca\.?|etwa) {_HOUR}(?! ?(?:€|eur|min|std))", _after(0)),
)
"""How times are told, the surest first, and what reads hour and minute of each."""
