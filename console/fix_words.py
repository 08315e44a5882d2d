"""Owns what is said of fixes: whether they helped, in a word and in a sentence."""

from __future__ import annotations

from babel.numbers import format_decimal

from console.format import percent, times
from console.language import Language
from console.words import Words
from insight.fixes import Outcome, Verdict
from insight.intervals import Ratio

LOOKS: dict[Outcome, str] = {
    "improved": "is-resolved",
    "worse": "is-returned",
    "open": "is-new",
    "waiting": "is-new",
}
"""The look of a state (queue.css) in which each outcome is shown."""


def outcome_text(outcome: str, _: Words) -> str:
    """Return what an *outcome* is called."""
    return {
        "improved": _("improved"),
        "worse": _("worse"),
        "open": _("no difference seen yet"),
        "waiting": _("no session since"),
    }[outcome]


def ratio_text(ratio: Ratio, language: Language) -> str:
    """Return a ratio with its interval: `0.14 (0.05 to 0.41)`."""
    value, low, high = (times(one, language.code) for one in (ratio.value, ratio.low, ratio.high))
    return language.gettext("%(value)s (%(low)s to %(high)s)") % {
        "value": value,
        "low": low,
        "high": high,
    }


def verdict_text(one: Verdict, language: Language) -> str:
    """Return what came of a fix, in a sentence."""
    _ = language.gettext
    if one.outcome == "waiting":
        if one.fix.release and not one.by_release and not one.since.met.all:
            return _("Nothing is known of release %(release)s yet.") % {"release": one.fix.release}
        return _("Nobody has come to its page since.")
    shares = {
        "before": percent(one.before.met.share, language.code),
        "since": percent(one.since.met.share, language.code),
    }
    told = _("Met by %(before)s before and by %(since)s since") % shares
    if one.outcome == "open":
        since = language.ngettext(
            "%(num)s session since", "%(num)s sessions since", one.since.met.all
        ) % {"num": format_decimal(one.since.met.all, locale=language.code)}
        return f"{told}: {outcome_text('open', _)}, {since}."
    return f"{told}: {outcome_text(one.outcome, _)}."


def short_text(one: Verdict, language: Language) -> str:
    """Return an outcome with its shares: `improved: 12% → 0.4%`."""
    word = outcome_text(one.outcome, language.gettext)
    if one.outcome == "waiting":
        return word
    before, since = (percent(side.met.share, language.code) for side in (one.before, one.since))
    return f"{word}: {before} → {since}"
