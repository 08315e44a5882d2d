"""
Stand-ins for what was typed and masked: valid for their field as the page declares it, of the same length.

A field that a page refused though its form was right gets a value of the kind that programs
stumble over: a postcode with a leading zero, a name with an apostrophe, a plus in an address.
"""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SEED = 20_261_127
"""The same test types the same: what it finds once it finds again."""

_LETTERS = "aeinrstlomdeung"
_IN_DAYS = 40  # dates lie ahead: most forms book something


@dataclass(frozen=True, slots=True)
class Masked:
    """A value that is not known. *lengths* are the turning points of its length while it was typed."""

    lengths: tuple[int, ...]
    refused: bool = False
    wrong: bool = False

    @property
    def length(self) -> int:
        return self.lengths[-1] if self.lengths else 0


def masked(*lengths: int, refused: bool = False, wrong: bool = False) -> Masked:
    """
    Return a stand-in whose length went through *lengths*; without any it is of unknown length.

    *refused*: the page refused the field though the browser did not; *wrong*: the browser did.
    """
    return Masked(lengths, refused, wrong)


def candidates(value: Masked, field: Mapping[str, Any]) -> Iterator[str]:
    """
    Give texts for *field*, the most fitting first, for the page to choose the first that it takes.

    *field* says what the page declares: type, autocomplete, name, id, label, inputmode, pattern,
    minlength, maxlength, min, max, required.
    """
    if value.wrong:
        yield "x" * max(value.length, 1)
        return
    kind = _kind(field)
    hard, usual = _HARD.get(kind, ()), _USUAL.get(kind, ())
    texts = (*hard, *usual) if value.refused else (*usual, *hard)
    fitting = [text for text in texts if len(text) == value.length]
    if value.refused:
        yield from (*[text for text in hard if text in fitting], *hard)
    yield from fitting
    if made := _of_length(kind, value.length, field):
        yield made
    yield from texts
    yield from _of_pattern(str(field.get("pattern") or ""))


def _kind(field: Mapping[str, Any]) -> str:
    """Return what *field* asks for: from its type, its autocomplete token, else its names."""
    type_ = str(field.get("type") or "text").lower()
    if type_ in _BY_TYPE:
        return _BY_TYPE[type_]
    tokens = str(field.get("autocomplete") or "").lower().split()
    if tokens and tokens[-1] in _BY_TOKEN:
        return _BY_TOKEN[tokens[-1]]
    names = " ".join(str(field.get(one) or "") for one in ("name", "id", "label")).lower()
    for words, kind in _BY_NAME:
        if re.search(words, names):
            return kind
    if str(field.get("inputmode") or "") in ("numeric", "decimal"):
        return "digits"
    return "words"


_BY_TYPE = {
    "email": "email", "tel": "tel", "url": "url", "number": "number", "range": "number",
    "date": "date", "datetime-local": "datetime", "month": "month", "week": "week", "time": "time",
    "password": "password", "color": "color",
}  # fmt: skip
_BY_TOKEN = {
    "given-name": "first", "family-name": "last", "name": "name", "cc-name": "name",
    "email": "email", "username": "email", "tel": "tel", "tel-national": "tel",
    "postal-code": "postcode", "address-line1": "street", "street-address": "street",
    "address-level2": "city", "cc-number": "card", "cc-exp": "expiry", "cc-csc": "code",
    "cc-exp-month": "month2", "cc-exp-year": "year", "one-time-code": "otp", "bday": "birthday",
    "organization": "words", "url": "url", "new-password": "password", "current-password": "password",
}  # fmt: skip
_BY_NAME = (
    (r"e-?mail", "email"),
    (r"post(al)?.?code|\bplz\b|\bzip|postleitzahl", "postcode"),
    (r"phone|telefon|handy|mobil|\btel\b", "tel"),
    (r"iban", "iban"),
    (r"birth|geburt", "birthday"),
    (r"card.?number|kartennummer", "card"),
    (r"expir|gültig|ablauf", "expiry"),
    (r"cvc|cvv|prüfziffer|card.?code", "code"),
    (r"first.?name|vorname", "first"),
    (r"last.?name|surname|nachname", "last"),
    (r"street|straße|strasse|address.?line", "street"),
    (r"\bcity|\bort\b|stadt", "city"),
    (r"date|datum|termin", "day"),
    (r"name", "name"),
)


def _day(days: int, form: str) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)).strftime(
        form
    )


# Numbers that are nobody's: test cards of the networks, telephone numbers kept for fiction, the
# IBAN of the standard's example, .example of RFC 2606.
_USUAL: dict[str, tuple[str, ...]] = {
    "email": ("erika.probe@post.example", "probe@post.example"),
    "tel": ("030 23125 000", "+49 30 23125 000", "0302312500"),
    "url": ("https://www.post.example/",),
    "number": ("1", "12", "123", "1234", "12345"),
    "date": (_day(_IN_DAYS, "%Y-%m-%d"), "1980-05-17"),
    "datetime": (_day(_IN_DAYS, "%Y-%m-%dT10:30"),),
    "month": (_day(_IN_DAYS, "%Y-%m"),),
    "week": (_day(_IN_DAYS, "%G-W%V"),),
    "time": ("10:30",),
    "color": ("#336699",),
    "day": (_day(_IN_DAYS, "%d.%m.%Y"), _day(_IN_DAYS, "%Y-%m-%d")),
    "birthday": ("17.05.1980", "1980-05-17"),
    "password": ("Probe-2026-Gipfel!",),
    "first": ("Erika", "Max", "Anna", "Johanna", "Sebastian"),
    "last": ("Probe", "Muster", "Beispiel", "Mustermann"),
    "name": ("Erika Probe", "Max Muster", "Erika Mustermann"),
    "street": ("Probeweg 12", "Am Beispiel 4", "Musterstraße 17"),
    "city": ("Probstadt", "Musterstadt", "Berlin", "Köln"),
    "postcode": ("10115", "1010", "8001", "SW1A 1AA"),
    "card": ("4242424242424242", "4242 4242 4242 4242", "378282246310005"),
    "expiry": (_day(1100, "%m/%y"), _day(1100, "%m/%Y"), _day(1100, "%m / %y")),
    "code": ("123", "1234"),
    "month2": ("08",),
    "year": (_day(1100, "%Y"), _day(1100, "%y")),
    "otp": ("123456",),
    "iban": ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
    "digits": ("12345", "1234", "123", "12"),
    "words": ("Probe", "Nur eine Probe", "Dies ist eine Probe und kein Auftrag."),
}
_HARD: dict[str, tuple[str, ...]] = {
    "email": ("erika+probe@mail.post.example",),
    "tel": ("+49 (0)30 23125-000",),
    "postcode": ("04109", "01069"),
    "first": ("Anne-Sofíe",),
    "last": ("O'Connor-Groß",),
    "name": ("Seán O'Connor-Groß",),
    "street": ("Straße des 17. Juni 135 a",),
    "city": ("Mühlhausen/Thüringen",),
    "date": (_day(420, "%Y-%m-%d"), "2028-02-29"),
    "digits": ("01234", "0123"),
    "words": ("Größe & „Maß“ 0,5",),
}


def _of_length(kind: str, length: int, field: Mapping[str, Any]) -> str:
    """Return a text of *length* of that kind, where such a text is easily made."""
    rng = random.Random(f"{SEED}{length}{field.get('name')}")
    if length <= 0:
        return ""
    if kind in ("digits", "number", "tel", "otp", "postcode"):
        return "1" + "".join(rng.choice("0123456789") for _ in range(length - 1))
    if kind in ("first", "last", "city", "words", "name", "street"):
        words = ["".join(rng.choice(_LETTERS) for _ in range(5)) for _ in range(length // 6 + 1)]
        text = " ".join(words)[:length].strip().capitalize()
        text += "e" * (length - len(text))
        return f"{text[:-2]} 7" if kind == "street" and length > 4 else text
    if kind == "email" and length > len("a@post.example"):
        return "p" * (length - len("@post.example")) + "@post.example"
    if kind == "password":
        return ("Probe-2026!" * (length // 11 + 1))[:length]
    return ""


def _of_pattern(pattern: str) -> Iterator[str]:
    """Give texts that *pattern*, a regular expression of JavaScript's, matches."""
    if not pattern:
        return
    import rstr

    made = rstr.Rstr(random.Random(SEED))
    for _ in range(5):
        try:
            yield made.xeger(pattern)
        except (re.error, KeyError, ValueError, IndexError):
            return
