"""Owns the form of an alert: its fields, what is wrong with them, and the words for what an alert says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from babel.dates import get_day_names
from babel.numbers import format_decimal

from console.format import span
from console.language import LANGUAGES, Language
from console.words import Words, severity_text
from core.alerts import ALERT_KINDS, HOUR_MS, SILENCES, WINDOWS, Alert, AlertKind, Delivery
from core.model import SEVERITIES, Site

FACTORS = (0.0, 1.5, 2.0, 3.0, 5.0, 10.0)

NAME_MAX, PAGE_MAX = 80, 300
THRESHOLD_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a form came to: an alert, and what has to be mended before it can be saved."""

    alert: Alert
    problems: tuple[str, ...] = ()


def blank(kind: str, asked: Mapping[str, str]) -> Alert:
    """Return a new alert of *kind* with the filters that an address asks for; a usual threshold."""
    made: AlertKind = next((one for one in ALERT_KINDS if one == kind), "count")
    return Alert(
        id="",
        kind=made,
        name="",
        to=(),
        site=asked.get("site", ""),
        rule=asked.get("rule", ""),
        page=asked.get("page", ""),
        threshold={"count": 10, "new": 3, "silent": 5}.get(made, 1),
        window_ms=3 * HOUR_MS if made == "silent" else HOUR_MS,
        severity="medium" if made == "new" else "info",
    )


def read_form(
    form: Mapping[str, str],
    to: Sequence[str],
    before: Alert,
    *,
    sites: Sequence[Site],
    destinations: Sequence[str],
    reports: Collection[str],
    language: Language,
) -> Chosen:
    """Return *before* as *form* changes it. *to* are the destinations that were ticked, *reports* the ids of those there are."""
    _ = language.gettext
    problems: list[str] = []
    site = next((one.key for one in sites if form.get("site") in (one.key, one.name)), "")
    severity = next((one for one in SEVERITIES if one == form.get("severity")), SEVERITIES[0])
    alert = replace(
        before,
        name=" ".join(form.get("name", "").split())[:NAME_MAX],
        to=tuple(name for name in destinations if name in to),
        language=form["language"] if form.get("language") in LANGUAGES else language.code,
        site=site,
        enabled=form.get("enabled", "yes") == "yes",
        rule=form.get("rule", "").strip()[:NAME_MAX],
        page=form.get("page", "").strip()[:PAGE_MAX],
        severity=severity,
        threshold=_number(form.get("threshold", "1"), 1, THRESHOLD_MAX, before.threshold),
        window_ms=_one_of(form.get("window"), windows_of(before.kind), before.window_ms),
        factor=_factor(form.get("factor", "")),
        weekday=_number(form.get("weekday", "0"), 0, 6, before.weekday),
        report=form.get("report", "") if form.get("report", "") in reports else "",
        hour=_number(form.get("hour", "7"), 0, 23, before.hour),
    )
    if not alert.to:
        problems.append(_("Choose at least one destination."))
    if alert.page and not alert.page.startswith("/"):
        problems.append(_("A page is a path and begins with /, for example /checkout or /shop/*."))
    if "*" in alert.page[:-1]:
        problems.append(_("The star stands at the end of a path only."))
    if not alert.name:
        alert = replace(alert, name=usual_name(alert, language))
    return Chosen(alert, tuple(problems))


def windows_of(kind: str) -> Sequence[int]:
    """Return the spans that an alert of *kind* may have."""
    return SILENCES if kind == "silent" else WINDOWS


def usual_name(alert: Alert, language: Language) -> str:
    """Return what an alert is called that nobody has named."""
    where = " ".join(part for part in (alert.rule, alert.page) if part)
    name = kind_text(alert.kind, language.gettext)
    return f"{name}: {where}"[:NAME_MAX] if where else name


def kind_text(kind: str, _: Words) -> str:
    """Return what a kind of message is called."""
    return {
        "count": _("Many sessions"),
        "new": _("New struggle"),
        "silent": _("Recording stopped"),
        "digest": _("Weekly digest"),
        "test": _("Test"),
    }[kind]


def kind_explained(kind: str, _: Words) -> str:
    """Return what an alert of *kind* is for."""
    return {
        "count": _(
            "When many sessions meet a struggle: more than you accept, or more than is usual."
        ),
        "new": _("When a struggle appears that nobody met before: after a release, for example."),
        "silent": _(
            "When nothing arrives of a site any more, at hours at which something usually does."
        ),
        "digest": _(
            "Once a week: how many sessions met a struggle, the trend, and what hurt most."
        ),
    }[kind]


def condition_text(alert: Alert, sites: Mapping[str, str], language: Language) -> str:
    """Return when an alert is told, in a sentence. *sites* are names by key."""
    _ = language.gettext
    if alert.kind == "digest":
        day = get_day_names("wide", locale=language.code)[alert.weekday]
        told = _("%(day)s at %(hour)s") % {"day": day, "hour": f"{alert.hour:02}:00"}
    elif alert.kind == "silent":
        told = _("nothing for %(span)s") % {"span": window_text(alert.window_ms, language)}
        told += ", " + language.ngettext(
            "where %(num)s session or more is usual",
            "where %(num)s sessions or more are usual",
            alert.threshold,
        ) % {"num": format_decimal(alert.threshold, locale=language.code)}
    else:
        told = language.ngettext(
            "from %(num)s session", "from %(num)s sessions", alert.threshold
        ) % {"num": format_decimal(alert.threshold, locale=language.code)}
        if alert.kind == "count":
            told += " " + _("(span: %(span)s)") % {"span": window_text(alert.window_ms, language)}
            if alert.factor:
                told += ", " + factor_text(alert.factor, language)
    parts = [told]
    parts += [part for part in (alert.rule, alert.page) if part]
    if alert.severity != "info":
        severity = severity_text(alert.severity, _)
        parts.append(_("severity %(severity)s and above") % {"severity": severity})
    if alert.site:
        parts.append(sites.get(alert.site, alert.site))
    return " · ".join(parts)


def window_text(window_ms: int, language: Language) -> str:
    """Return the name of a span in which sessions are counted."""
    return span(window_ms, language.code)


def factor_text(factor: float, language: Language) -> str:
    """Return what a baseline of *factor* asks for."""
    if not factor:
        return language.gettext("the number alone counts")
    number = format_decimal(factor, locale=language.code)
    return language.gettext("at least %(factor)s times the usual") % {"factor": number}


def failure_text(delivery: Delivery, _: Words) -> str:
    """Return why a delivery has not arrived; what no words are known for stands for itself."""
    return {
        "the settings name no such destination any more": _(
            "The settings name no such destination any more."
        ),
        "the setting alerts.secret is missing": _("The setting alerts.secret is missing."),
        "the setting mail.host is missing": _("The setting mail.host is missing."),
        "the setting mail.sender is missing": _("The setting mail.sender is missing."),
    }.get(delivery.error, delivery.error)


def _number(text: str, least: int, most: int, otherwise: int) -> int:
    text = text.strip()
    return min(max(int(text), least), most) if text.isdecimal() and len(text) < 20 else otherwise


def _one_of(text: str | None, known: Sequence[int], otherwise: int) -> int:
    return next((one for one in known if text == str(one)), otherwise)


def _factor(text: str) -> float:
    return next((one for one in FACTORS if text == str(one)), 0.0)
