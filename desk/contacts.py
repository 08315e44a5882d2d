"""
How a contact comes in: what came (JSON, a row of CSV, a form) checked, and given to the store.

Owns what may stand in it and the sentences that say what is wrong. How an e-mail address is kept, and which visit a
spoken code stands for, it is told by whoever calls.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.contacts import (
    CHANNELS,
    DIRECTIONS,
    MOST_NOTES,
    MOST_SUBJECT,
    MOST_TEXT,
    NOTE_KINDS,
    Contact,
    ContactNote,
)
from core.errors import UserError

FIELDS = (
    "channel", "started_at", "ended_at", "customer", "code", "direction", "subject", "outcome", "resolved", "agent",
    "key", "notes",
)  # fmt: skip
"""Names of what may be given of a contact."""

MOST_ID = 500
MOST_KEY = 200
MOST_AGENT = 100
MOST_OUTCOME = 500
AHEAD_MS = 86_400_000
"""A contact may begin so much later than now: clocks differ, and so do time zones that somebody forgot."""

_LENGTHS = {
    "customer": MOST_ID, "code": 40, "subject": MOST_SUBJECT, "outcome": MOST_OUTCOME, "agent": MOST_AGENT,
    "key": MOST_KEY,
}  # fmt: skip
_FREE = ("subject", "outcome", "agent")
"""Lines that people write: with blanks that do not break, and signs made of several, as mails have them."""

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


class ContactError(UserError):
    """What was given is no contact. *field* is what is wrong with it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class UnknownChannel(ContactError):
    """There is no such channel; the text lists those that there are."""


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A contact as it came, checked. *values* are fields of a Contact, *customer* the id or address as given.

    *digest* stands for all of it: the same content, the same digest.
    """

    values: Mapping[str, Any]
    customer: str | None
    code: str | None
    key: str | None
    notes: tuple[tuple[str, str], ...]
    digest: bytes


def channels_of(custom: Sequence[str]) -> tuple[str, ...]:
    """Return all channels: those that every installation has, then the *custom* ones."""
    return tuple(dict.fromkeys((*CHANNELS, *custom)))


def read_contact(given: Mapping[str, Any], channels: Sequence[str], now_ms: int) -> Draft:
    """Return what *given* says of a contact. Raise ContactError, with a sentence for people, if it cannot be."""
    values = read_fields(given, channels, now_ms)
    if "channel" not in values:
        raise ContactError("channel", f"channel is missing: one of {', '.join(channels)}")
    values.setdefault("started_ms", now_ms)
    _in_order(values)
    customer, code = values.pop("customer", None), values.pop("code", None)
    key = values.pop("key", None)
    notes = _notes(given.get("notes"))
    told = json.dumps(given, sort_keys=True, ensure_ascii=False, default=str)
    digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Draft(values, customer or None, code or None, key or None, notes, digest)


def read_fields(
    given: Mapping[str, Any], channels: Sequence[str], now_ms: int, *, but: Sequence[str] = ()
) -> dict[str, Any]:
    """
    Return the fields that *given* has, checked: times as `started_ms` and `ended_ms`.

    *but* are names that may not be given here. Raise ContactError.
    """
    known = [name for name in FIELDS if name not in but]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f": {', '.join(known)}"
            raise ContactError(str(name)[:40], f"there is no field '{str(name)[:40]}'{hint}")
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("started_at", "ended_at"):
            at = _time(name, value, now_ms)
            if at is not None or name == "ended_at":
                values[name.replace("_at", "_ms")] = at
        elif name == "resolved":
            values[name] = _truth(value)
        elif name != "notes":
            values[name] = _text(name, value)
    if "channel" in values and values["channel"] not in channels:
        raise UnknownChannel(
            "channel",
            f"there is no channel '{values['channel'][:40]}'; there are {', '.join(channels)}."
            " Name further ones in the setting contacts.channels",
        )
    if values.get("direction", "in") not in DIRECTIONS:
        raise ContactError("direction", "direction is in (from the customer) or out")
    return values


def _in_order(values: Mapping[str, Any]) -> None:
    ended = values.get("ended_ms")
    if ended is not None and ended < values["started_ms"]:
        raise ContactError("ended_at", "ended_at is before started_at")


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name in ("customer", "key"):
        value = str(value)
    if not isinstance(value, str):
        raise ContactError(name, f"{name} is a text")
    text = value.replace("\r\n", "\n").strip()
    most = _LENGTHS.get(name, 40)
    if len(text) > most:
        raise ContactError(name, f"{name} has at most {most} characters")
    if (name not in _FREE and not text.isprintable()) or any(map(_breaks, text)):
        raise ContactError(name, f"{name} is one line of text")
    return text.lower() if name in ("channel", "direction") else text


def _breaks(letter: str) -> bool:
    """Say whether *letter* ends a line or is none, as NUL."""
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def _time(name: str, value: object, now_ms: int) -> int | None:
    """Return a time in Unix milliseconds. ISO 8601; what names no zone is UTC."""
    if value is None or value == "":
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        at = datetime.fromisoformat(value.strip())
        at_ms = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ContactError(
            name, f"{name} is a time like 2026-09-21T14:00:00Z; without a zone it is UTC"
        ) from None
    if not 0 <= at_ms <= now_ms + AHEAD_MS:
        raise ContactError(name, f"{name} lies more than a day ahead, or before 1970")
    return at_ms


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    told = _TRUTH.get(value.strip().lower()) if isinstance(value, str) else None
    if told is None:
        raise ContactError("resolved", "resolved is true or false")
    return told


def _notes(given: object) -> tuple[tuple[str, str], ...]:
    """Return kind and text of each note: a list of objects, or one text."""
    if given is None or given == "":
        return ()
    if isinstance(given, str):
        return (("note", note_text(given)),)
    if not isinstance(given, list) or len(given) > MOST_NOTES:
        raise ContactError("notes", f"notes is a list of at most {MOST_NOTES} notes")
    found = []
    for one in given:
        if not isinstance(one, dict) or not set(one) <= {"kind", "text"}:
            raise ContactError("notes", 'a note is like {"kind": "promise", "text": "..."}')
        found.append((note_kind(one.get("kind", "note")), note_text(one.get("text"))))
    return tuple(found)


def note_kind(given: object) -> str:
    """Return what kind of note that is. Raise ContactError if there is none of that name."""
    if given not in NOTE_KINDS:
        raise ContactError("kind", f"kind is one of {', '.join(NOTE_KINDS)}")
    return str(given)


def note_text(given: object) -> str:
    """Return the text of a note. Raise ContactError if there is none, or too much."""
    text = given.replace("\r\n", "\n").replace("\0", "").strip() if isinstance(given, str) else ""
    if not text or len(text) > MOST_TEXT:
        raise ContactError("text", f"a note has 1 to {MOST_TEXT} characters")
    return text


def made(
    draft: Draft,
    *,
    source: str,
    by: str,
    now_ms: int,
    keep: Callable[[str], str],
    session: str | None = None,
    whose: str | None = None,
) -> tuple[Contact, list[ContactNote]]:
    """
    Return the contact and the notes that *draft* makes.

    *keep* returns an id as it is kept. *session* is the visit that its spoken code stands for, *whose* that visit
    is: it counts where the draft names nobody.
    """
    id_ = id_of(source, draft.key) if draft.key else new_id()
    contact = Contact(
        id=id_,
        made_ms=now_ms,
        made_by=by,
        customer=keep(draft.customer) if draft.customer else whose,
        session=session,
        source=source,
        key=draft.key,
        **draft.values,
    )
    notes = [
        ContactNote(new_id(), id_, kind, text, by, now_ms + number)
        for number, (kind, text) in enumerate(draft.notes)
    ]
    return contact, notes


def new_id() -> str:
    """Return a random id."""
    return secrets.token_urlsafe(9)


def id_of(source: str, key: str) -> str:
    """Return the id of the contact that *source* calls *key*: the same again once it was erased."""
    digest = hashlib.blake2b(f"{source}\0{key}".encode("utf-8", "surrogatepass"), digest_size=9)
    return base64.urlsafe_b64encode(digest.digest()).decode()
