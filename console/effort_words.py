"""Owns how efforts are told: bands in words, nets with their sign, weeks, and what an effort of a session is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from babel.dates import format_date, format_interval

from console.format import duration
from console.language import Language
from console.process_words import ProcessTexts
from console.words import Words
from core.effort import WHOLE, Effort, Work
from core.model import Flag, Score


@dataclass(frozen=True, slots=True)
class Part:
    """Points that went into an effort, and what for. *flag* leads to its moment."""

    points: float
    text: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class EffortRow:
    """One effort of a session: where, its parts, and what they come to."""

    text: str
    is_step: bool
    effort: Effort
    parts: tuple[Part, ...]


def band_text(band: str, _: Words) -> str:
    """Return what a *band* of efforts is called."""
    return {"easy": _("easy"), "medium": _("medium effort"), "hard": _("hard")}.get(band, band)


def value_text(text: str, processes: ProcessTexts, _: Words) -> str:
    """Return a value of the field `effort` in words: `checkout/payment hard`."""
    place, blank, band = text.rpartition(" ")
    told = band_text(band, _)
    return f"{processes.value(place)}: {told}" if blank else told


def days_text(from_ms: int, until_ms: int, language: Language, zone: tzinfo = UTC) -> str:
    """Return the days of a span of whole days by the calendar of *zone*."""
    first, last = (datetime.fromtimestamp(at / 1000, zone).date() for at in (from_ms, until_ms - 1))
    return format_interval(first, last, "MMMd", locale=_locale(language))


def began_text(since_ms: int | None, until_ms: int | None, language: Language) -> str:
    """Return a span in which sessions began, in words; whole days (UTC) without times."""
    _ = language.gettext
    if since_ms is not None and until_ms is not None:
        return _("%(begin)s to %(end)s") % {
            "begin": _moment(since_ms, language),
            "end": _moment(until_ms, language, end=True),
        }
    if since_ms is not None:
        return _("from %(begin)s") % {"begin": _moment(since_ms, language)}
    if until_ms is not None:
        return _("before %(end)s") % {"end": _moment(until_ms, language)}
    return _("any time")


def _moment(at_ms: int, language: Language, *, end: bool = False) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    if at_ms % 86_400_000 == 0:
        day = datetime.fromtimestamp((at_ms - end) / 1000, UTC)
        return format_date(day, "medium", locale=_locale(language))
    return f"{format_date(at, 'medium', locale=_locale(language))} {at:%H:%M} UTC"


def _locale(language: Language) -> str:
    return "en_GB" if language.code == "en" else language.code


def rows_of(
    efforts: Sequence[Effort],
    score: Score | None,
    flags: Sequence[Flag],
    texts: ProcessTexts,
    language: Language,
) -> list[EffortRow]:
    """Return the *efforts* of a session with what each is made of."""
    titles = {flag.id: language.text(flag.title) for flag in flags}
    return [_row(one, score, titles, texts, language) for one in efforts]


def _row(
    effort: Effort,
    score: Score | None,
    titles: dict[str, str],
    texts: ProcessTexts,
    language: Language,
) -> EffortRow:
    work = effort.work
    parts = [
        Part(term.points, titles[term.flag], term.flag)
        for term in (score.terms if score else ())
        if term.flag in titles and _within(work, term.at_ms)
    ]
    parts += _excess(effort, texts, language)
    if work.process == WHOLE:
        text = language.gettext("The whole session")
    elif work.step == WHOLE:
        text = texts.title(work.process)
    else:
        text = texts.step(work.process, work.step)
    return EffortRow(text, work.step != WHOLE, effort, tuple(parts))


def _within(work: Work, at_ms: float) -> bool:
    return work.from_ms <= at_ms and (work.until_ms is None or at_ms < work.until_ms)


def _excess(effort: Effort, texts: ProcessTexts, language: Language) -> list[Part]:
    """Return the parts for more work than is usual, the last one shortened to what all of them may be."""
    if effort.norm is None or not effort.extra:
        return []
    _, work = language.gettext, effort.most or effort.work
    told = (
        (_("%(num)s actions, usual are %(usual)s"), str(work.actions), str(effort.norm.actions)),
        (
            _("%(num)s on visible pages, usual is %(usual)s"),
            duration(work.visible_ms),
            duration(effort.norm.visible_ms),
        ),
    )
    parts, left = [], effort.extra
    for points, (text, num, usual) in zip(effort.excess, told, strict=True):
        counted = min(points, left)
        left -= counted
        if counted:
            words = text % {"num": num, "usual": usual}
            where = f" ({texts.title(effort.most.process)})" if effort.most else ""
            parts.append(Part(counted, words + where))
    return parts
