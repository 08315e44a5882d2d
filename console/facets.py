"""Owns the facets beside the sessions list in words: fields, their values with counts, and the filters in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from babel import Locale
from babel.dates import format_timedelta

from console.effort_words import began_text
from console.effort_words import value_text as effort_text
from console.finding import MET, NOT, Asked, Pair
from console.language import Language
from console.path_words import sight_text, spot_text
from console.process_words import ProcessTexts
from console.words import Words, device_text
from core.causes import BY_STEP, MET_AT
from core.form_use import FORM_USES
from core.model import SessionQuery
from core.search import FIELDS, Facets, Find, read_span
from core.sights import DEAD, PRESSED, SAW
from core.store import Store
from core.walks import ENDS
from core.ways import WENT
from replay.document import TRACKED

MOST = 8
"""Values of a field that are shown, beside those that are chosen."""

OPEN = ("did", "page", "rule", "score", "device")
"""Fields that are unfolded from the start; others are when something is chosen in them."""

UNSHOWN = (*ENDS, *FORM_USES, *BY_STEP, "effort", "began", "release_since", PRESSED, DEAD, SAW)
"""Fields that are shown only where something is asked of them: their values are as many as sessions, or are none."""

ValueText = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Value:
    """
    A value of a field: its *count* of sessions, and the addresses with it and without.

    *state* is with, without or nothing; the address of what is chosen takes it back.
    """

    text: str
    count: int
    state: str
    with_link: str
    without_link: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its values; *more* is how many others it has."""

    name: str
    title: str
    values: tuple[Value, ...]
    more: int
    unfolded: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in force, in words, and the address without it."""

    text: str
    link: str
    pair: Pair


@dataclass(frozen=True, slots=True)
class Drop:
    """What is found when one filter is dropped."""

    filter: Filter
    count: int


def field_text(name: str, _: Words) -> str:
    """Return the title of the field *name*."""
    return {
        "did": _("What happened"),
        "page": _("Page seen"),
        "rule": _("Rule"),
        "score": _("Score"),
        "device": _("Device"),
        "browser": _("Browser"),
        "os": _("System"),
        "language": _("Language"),
        "entry": _("First page"),
        "exit": _("Last page"),
        "duration": _("Duration"),
        "pages": _("Number of pages"),
        "release": _("Release"),
        "campaign": _("Campaign"),
        "segment": _("Customer segment"),
        "has": _("Properties"),
        "completed": _("Process completed"),
        "reached": _("Step reached"),
        "left": _("Process left at"),
        "left_page": _("Process left on the page"),
        "left_field": _("Last field before leaving"),
        "left_element": _("Last element before leaving"),
        "left_to": _("Left a process for"),
        "been_at": _("Was at the step"),
        "met_at": _("Met a struggle at"),
        "saw_at": _("Saw another page at"),
        "effort": _("Effort"),
        "began": _("Began"),
        "release_since": _("Release or a later one"),
        WENT: _("Way"),
        "form_used": _("Form used"),
        "field_used": _("Field used"),
        "field_refilled": _("Field filled in anew"),
        "field_returned": _("Field gone back to"),
        "field_refused": _("Field refused"),
        "field_deleted": _("Letters deleted in the field"),
        "field_pasted": _("Pasted into the field"),
        "field_filled_in": _("Field filled in by the browser"),
        "field_left": _("Field of the step used last before leaving"),
        PRESSED: _("Pressed"),
        DEAD: _("Pressed in vain"),
        SAW: _("Seen of a page"),
    }[name]


def did_text(value: str, _: Words) -> str:
    """Return what happened, by its name (replay/document.py: DID)."""
    if value.startswith(TRACKED):
        return value.removeprefix(TRACKED)
    return {
        "error": _("Script error"),
        "failed_request": _("Failed request"),
        "slow_request": _("Request of 3 s or more"),
        "console_error": _("Error in the browser's console"),
        "missing_file": _("File that did not load"),
        "error_message": _("Error message shown"),
        "press": _("Press"),
        "typed": _("Field filled in"),
        "form_sent": _("Form sent"),
        "form_refused": _("Form refused"),
        "copied": _("Text copied"),
        "pasted": _("Text pasted"),
        "zoomed": _("Zoomed with two fingers"),
        "rotated": _("Device turned"),
        "reloaded": _("Page reloaded"),
        "went_back": _("Went back"),
    }.get(value, value)


def has_text(value: str, _: Words) -> str:
    """Return a property of a session in words."""
    return {
        "struggle": _("with struggle"),
        "running": _("running"),
        "gaps": _("with gaps"),
        "identity": _("customer known"),
        "imported": _("imported"),
        "bot": _("driven by a program"),
    }.get(value, value)


def value_text(
    rules: Mapping[str, tuple[str, str]],
    processes: ProcessTexts,
    language: Language,
    *,
    struggles: Mapping[str, str],
) -> ValueText:
    """Return what makes words of a field's value, for a reader of *language*; *struggles* are titles by key."""
    code, _ = language.code, language.gettext
    languages = Locale(code).languages

    def text(name: str, value: str) -> str:
        if name == "rule":
            return rules[value][0] if value in rules else value
        if name == MET:
            return struggles.get(value, value)
        if name == MET_AT:
            return processes.met(value, struggles)
        if name in ("completed", "reached", "left", *ENDS, *FORM_USES, *BY_STEP):
            return processes.value(value)
        if name == "effort":
            return effort_text(value, processes, _)
        if name == "began":
            return began_text(*read_span(value), language)
        if name in (PRESSED, DEAD, SAW):
            return sight_text(name, value, _)
        if name == WENT:
            return spot_text(value, processes, _)
        if name == "language":
            known = languages.get(value.split("-")[0].lower())
            return f"{known} ({value})" if known and "-" in value else known or value
        if name == "duration":
            return span_text(value, lambda s: _seconds(s, code), _)
        if name == "pages":
            return span_text(value, str, _)
        worded = {"did": did_text, "has": has_text, "score": band_text, "device": device_text}
        return (worded[name](value, _) or value) if name in worded else value

    return text


def _seconds(seconds: int, code: str) -> str:
    return format_timedelta(timedelta(seconds=seconds), threshold=1, format="short", locale=code)


def band_text(value: str, _: Words) -> str:
    """Return a score from which on sessions are meant, in words."""
    return {
        "low": _("low and above"),
        "medium": _("medium and above"),
        "high": _("high and above"),
        "severe": _("severe"),
    }.get(value, value)


def span_text(value: str, told: Callable[[int], str], _: Words) -> str:
    """Return the bucket *value* (core/search.py: bucket) in words, its bounds as they are *told*."""
    low, _dash, high = value.partition("-")
    if not (low or high) or not (low + high).isdigit():
        return value
    if not low:
        return _("under %(bound)s") % {"bound": told(int(high))}
    if not high:
        return _("%(bound)s and more") % {"bound": told(int(low))}
    return _("%(low)s to under %(high)s") % {"low": told(int(low)), "high": told(int(high))}


def fields_of(asked: Asked, facets: Facets, text: ValueText, _: Words) -> list[Field]:
    """Return the facets as the page shows them; fields without a value are left out."""
    found = []
    for name, counted in facets.values.items():
        values = tuple(_value(asked, name, value, count, text) for value, count in counted)
        if not values or (len(values) == 1 and not values[0].state and name in _ONE_SAYS_NOTHING):
            continue
        chosen = any(value.state for value in values)
        more = max(0, facets.distinct.get(name, 0) - len(values)) if len(values) >= MOST else 0
        found.append(Field(name, field_text(name, _), values, more, chosen or name in OPEN))
    return found


_ONE_SAYS_NOTHING = ("os", "language", "release", "campaign", "segment", "browser")
"""Fields that are not shown while all sessions have the same value."""


def _value(asked: Asked, name: str, value: str, count: int, text: ValueText) -> Value:
    with_, without = (name, value), (NOT + name, value)
    is_with, is_without = with_ in asked.pairs, without in asked.pairs
    # Of a score one bound is asked for: the other would add nothing.
    others = [one for one in asked.pairs if one[0] == name] if name == "score" else []
    return Value(
        text(name, value),
        count,
        "with" if is_with else "without" if is_without else "",
        asked.link(but=[with_]) if is_with else asked.link(also=[with_], but=[without, *others]),
        asked.link(but=[without]) if is_without else asked.link(also=[without], but=[with_]),
    )


def filters_of(asked: Asked, text: ValueText, periods: Mapping[str, str], _: Words) -> list[Filter]:
    """Return the filters in force, in words."""
    return [
        Filter(_filter_text(name, value, text, periods, _), asked.link(but=[(name, value)]), (name, value))
        for name, value in asked.filters
    ]  # fmt: skip


def _filter_text(
    name: str, value: str, text: ValueText, periods: Mapping[str, str], _: Words
) -> str:
    if name == "q":
        return f"“{value}”"
    if name == "since":
        return periods[value]
    if name in ("site", "customer", MET):
        title = {"site": _("Site"), "customer": _("Customer"), MET: _("Struggle")}[name]
        shown = text(name, value) if name == MET else value
        return _("%(field)s: %(value)s") % {"field": title, "value": shown}
    field = name.removeprefix(NOT)
    told = {"field": field_text(field, _), "value": text(field, value)}
    return (_("%(field)s not: %(value)s") if name != field else _("%(field)s: %(value)s")) % told


async def drops_of(
    store: Store, filters: Sequence[Filter], without: Callable[[Pair], SessionQuery]
) -> list[Drop]:
    """Return which single filter hides how many sessions, most first: *without* makes the query that drops it."""
    if len(filters) < 2:
        return []
    drops = [
        Drop(one, await store.count_sessions(without(one.pair), most=100_000)) for one in filters
    ]
    return sorted((one for one in drops if one.count), key=lambda one: -one.count)


async def counted(store: Store, asked: Asked) -> Facets:
    """Return how many sessions there are more narrowly than *asked*, by every field."""
    query = replace(asked.query, rule=None, score_min=None, flagged=None, find=asked.find or Find())
    shown = [
        name for name in FIELDS if name != WENT and (name not in UNSHOWN or asked.find.asks(name))
    ]
    return await store.facets(query, shown, MOST)
