"""Owns what the queue of struggles says in the reader's words: states, due reviews, the lines of a history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from babel.dates import format_date

from console.language import Language
from console.words import Words
from core.triage import Entry, State, Triage


def state_text(state: str, _: Words) -> str:
    """Return what *state* is called."""
    return {
        "new": _("new"),
        "ongoing": _("ongoing"),
        "returned": _("returned"),
        "resolved": _("resolved"),
        "ignored": _("ignored"),
    }[state]


def hint_text(state: State, _: Words) -> str:
    """Return what *state* means."""
    return {
        "new": _("Nobody has said anything of it yet."),
        "ongoing": _("Somebody is at it."),
        "returned": _("It was resolved, and has been seen on a page loaded since."),
        "resolved": _("Gone; it comes back by itself when it is seen again."),
        "ignored": _("Left as it is, with a reason."),
    }[state]


def today_of(now_ms: int) -> str:
    """Return the day of *now_ms* in UTC as YYYY-MM-DD."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()


def day_text(day: str, language: Language) -> str:
    """Return *day* (YYYY-MM-DD) as people write it."""
    british = "en_GB" if language.code == "en" else language.code  # as scripts write times here
    return format_date(
        date.fromisoformat(day), "d MMM y" if british == "en_GB" else "medium", locale=british
    )


@dataclass(frozen=True, slots=True)
class DueText:
    """By when a review is outstanding, in words, and whether that is over."""

    text: str
    late: bool


def due_text(said: Triage, today: str, language: Language) -> DueText | None:
    """Return by when a review is outstanding; None if none is."""
    if not said.due or said.reviewed_ms is not None:
        return None
    _ = language.gettext
    late = said.due < today
    text = _("review overdue since %(day)s") if late else _("review by %(day)s")
    return DueText(text % {"day": day_text(said.due, language)}, late)


def entry_text(one: Entry, language: Language) -> str:
    """Return what a line of the history says, without who and when; of a note its text is told beside it."""
    _ = language.gettext
    if one.what == "note":
        return _("wrote") if one.detail else _("took a note back")
    if one.what == "owner":
        return _("gave it to %(name)s") % {"name": one.after} if one.after else _("took it from %(name)s") % {"name": one.before}  # fmt: skip
    if one.what == "due":
        if not one.after:
            return _("asks for no review any more")
        return _("asks for a review by %(day)s") % {"day": day_text(one.after, language)}
    if one.what == "reviewed":
        return _("reviewed it") if one.after else _("took the review back")
    return _state_entry(one, _)


def _state_entry(one: Entry, _: Words) -> str:
    told = {"state": state_text(one.after, _), "detail": one.detail}
    if one.after == "returned":
        text = _("seen again in release %(detail)s") if one.detail else _("seen again")
    elif one.after == "resolved" and one.detail:
        text = _("resolved it at release %(detail)s")
    elif one.after == "ignored" and one.detail:
        text = _("ignores it: %(detail)s")
    else:
        text = _("set it to %(state)s")
    return text % told
