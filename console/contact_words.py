"""Owns the words for contacts: channels, directions, kinds of notes, fields, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from babel.numbers import format_decimal

from console.format import duration
from console.words import Words
from core.contacts import MOST_SUBJECT, MOST_TEXT
from core.errors import UserError
from desk.contacts import MOST_AGENT, MOST_OUTCOME, ContactError
from desk.journey import How
from desk.searching import Sign


def channel_text(channel: str, _: Words) -> str:
    """Return what a channel is called; one of the site's own stands for itself."""
    words = {
        "call": _("Call"),
        "chat": _("Chat"),
        "messenger": _("Messenger"),
        "in-app": _("In-app message"),
        "video": _("Video call"),
        "mail": _("Mail"),
        "sms": _("SMS"),
        "social": _("Social network"),
        "field": _("Field staff"),
    }
    return words.get(channel, channel)


def direction_text(direction: str, _: Words) -> str:
    """Return who began a contact."""
    return {"in": _("from the customer"), "out": _("to the customer")}.get(direction, direction)


def kind_text(kind: str, _: Words) -> str:
    """Return what a note says."""
    words = {
        "note": _("Note"),
        "tried": _("What was tried"),
        "promise": _("What was promised"),
        "next": _("Next step"),
    }
    return words.get(kind, kind)


def field_text(field: str, _: Words) -> str:
    """Return what a field of a contact, or of a note of it, is called."""
    words = {
        "customer": _("Customer"),
        "session": _("Session"),
        "channel": _("Contact channel"),
        "direction": _("Direction"),
        "started_ms": _("Began"),
        "ended_ms": _("Ended"),
        "subject": _("Subject"),
        "outcome": _("Outcome"),
        "resolved": _("Settled"),
        "agent": _("Dealt with by"),
        "text": _("Note"),
        "kind": _("Kind of note"),
    }
    return words.get(field, field)


def how_text(how: How, _: Words) -> str:
    """Return why a visit is the customer's."""
    words = {
        "verified": _("signed in, verified"),
        "unverified": _("identity not verified"),
        "before": _("same browser, before signing in"),
        "after": _("same browser, not signed in"),
    }
    return words[how]


def sign_text(sign: Sign, _: Words) -> str:
    """Return by what it was told that somebody searched."""
    words = {
        "search": _("used the search on %(path)s"),
        "help": _("used the help on %(path)s"),
        "page": _("opened %(path)s"),
        "again": _("came back to %(path)s"),
    }
    return words[sign.kind] % {"path": sign.path}


def wrong_text(error: UserError, channels: Sequence[str], _: Words, language: str) -> str:
    """Return what is wrong with a contact that somebody typed; what has no words stands for itself."""

    def most(number: int, text: str) -> str:
        return text % {"most": format_decimal(number, locale=language)}

    words = {
        "channel": _("Choose one of these channels: %(channels)s.")
        % {"channels": ", ".join(channels)},
        "started_at": _("The beginning is no time, or lies ahead."),
        "ended_at": _("The end is no time, or lies before the beginning."),
        "code": _("No visit has this code, or it had run out by then."),
        "subject": most(MOST_SUBJECT, _("The subject is one line of at most %(most)s characters.")),
        "outcome": most(MOST_OUTCOME, _("The outcome is one line of at most %(most)s characters.")),
        "agent": most(MOST_AGENT, _("A name is one line of at most %(most)s characters.")),
        "customer": _("This cannot be the id of a customer."),
        "text": most(MOST_TEXT, _("A note has 1 to %(most)s characters.")),
        "resolved": _("Settled is yes or no."),
    }
    known = words.get(error.field) if isinstance(error, ContactError) else None
    return known or str(error)


def customer_text(id_: str, _: Words) -> str:
    """Return a customer's id as it is shown: of an e-mail address there is only a hash."""
    if id_.startswith("email:"):
        return _("E-mail address %(hash)s…") % {"hash": id_.removeprefix("email:")[:8]}
    return id_


def filters_of(_: Words) -> Mapping[str, Any]:
    """Return what templates call to put contacts into words."""
    return {
        "channel_text": lambda one: channel_text(one, _),
        "direction_text": lambda one: direction_text(one, _),
        "kind_text": lambda one: kind_text(one, _),
        "field_text": lambda one: field_text(one, _),
        "how_text": lambda one: how_text(one, _),
        "sign_text": lambda one: sign_text(one, _),
        "customer_text": lambda one: customer_text(one, _),
        "spent_text": duration,
    }
