"""Owns putting selectors and what they found into the reader's words."""

from __future__ import annotations

from babel.numbers import format_decimal

from console.language import Language
from console.presses import Counted
from console.words import Words


def kind_text(kind: str, _: Words) -> str:
    """Return what a selector of *kind* holds on to."""
    return {
        "test": _("Test attribute: outlives a redesign"),
        "id": _("Id: stays as long as the developers keep it"),
        "inside": _("Its kind, within a named part of the page"),
        "role": _("Its role"),
        "class": _("Class: may fit several elements, changes with the design"),
        "place": _("Place in the page: breaks easily"),
        "type": _("All elements of this kind"),
    }[kind]


def matches_text(counted: Counted, selector: str, language: Language) -> str:
    """Return how much *selector* found, in words."""
    found = counted.matches[selector]
    if not found.presses:
        return language.gettext("no press so far")

    ngettext = language.ngettext

    def amount(text: str, number: int) -> str:
        return text % {"num": format_decimal(number, locale=language.code)}

    presses = amount(ngettext("%(num)s press", "%(num)s presses", found.presses), found.presses)
    sessions = amount(
        ngettext("%(num)s session", "%(num)s sessions", found.sessions), found.sessions
    )
    text = language.gettext("%(presses)s in %(sessions)s") % {"presses": presses, "sessions": sessions}  # fmt: skip
    if found.targets > 1:
        elements = ngettext("%(num)s element", "%(num)s elements", found.targets)
        text += " · " + amount(elements, found.targets)
    return text


def seen_text(counted: Counted, language: Language) -> str:
    """Return in what it was counted."""
    number = format_decimal(counted.sessions, locale=language.code)
    text = (
        language.gettext("Counted in all sessions of the last 7 days: %(num)s.")
        if counted.all
        else language.gettext("Counted in the newest sessions of the last 7 days: %(num)s.")
    )
    return text % {"num": number}
