"""
Owns the words of alerts and digests, in mails and messages as on the pages.

A message is put together here without markup; how it is dressed for mail, Slack or a program is
stolper/alerting's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from console.digest import Digest
from console.fix_words import short_text
from console.format import cut, percent, span
from console.language import Language
from console.words import severity_text
from core.alerts import Counted, Delivery
from core.model import Struggle


@dataclass(frozen=True, slots=True)
class Item:
    """One struggle of a message: its name, where it is, what is counted of it, and where to look."""

    title: str
    where: str
    numbers: str
    link: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a digest: its name, its sessions and those with a struggle."""

    name: str
    sessions: int
    flagged: int


@dataclass(frozen=True, slots=True)
class Message:
    """What is told, in one language. *facts* are names and values, *link* is where to go on."""

    subject: str
    lead: str
    link: str
    link_text: str
    foot: str
    facts: tuple[tuple[str, str], ...] = ()
    items_title: str = ""
    items: tuple[Item, ...] = ()
    bars_title: str = ""
    bars: tuple[Bar, ...] = ()


def counted_link(facts: dict[str, Any], **more: Any) -> str:
    """Return the address of the page that lists the sessions counted for *facts*."""
    names = ("site", "rule", "page", "severity", "from", "until")
    query = {name: facts[name] for name in names if facts.get(name)}
    return "/counted?" + urlencode({**query, **more})


def test_message(delivery: Delivery, base: str, language: Language) -> Message:
    """Return what a test says."""
    _ = language.gettext
    return Message(
        subject=_("Stolper: a test"),
        lead=_("This is a test: messages to '%(name)s' arrive.") % {"name": delivery.destination},
        link=f"{base}/alerts",
        link_text=_("Open the alerts"),
        foot=foot(base, language),
    )


def count_message(
    delivery: Delivery,
    rows: Sequence[tuple[Struggle, Counted]],
    site: str,
    base: str,
    language: Language,
) -> Message:
    """Return what is said when many sessions have a struggle. *site* is its name, empty for all."""
    _, facts = language.gettext, delivery.facts
    sessions = language.ngettext("%(num)s session", "%(num)s sessions", facts["sessions"])
    counted = sessions % {"num": _number(facts["sessions"], language)}
    window = span(facts["until"] - facts["from"], language.code)
    lead = _("%(sessions)s with a struggle within %(span)s.") % {
        "sessions": counted,
        "span": window,
    }
    if facts.get("usual") is not None:
        lead += " " + _("Usual at that hour: %(usual)s.") % {
            "usual": _number(facts["usual"], language)
        }
    return Message(
        subject=f"{delivery.name}: {counted}",
        lead=lead,
        link=base + counted_link(facts),
        link_text=_("Watch these sessions"),
        foot=foot(base, language),
        facts=tuple(_conditions(facts, site, language)),
        items_title=_("Most met"),
        items=tuple(_item(struggle, counted, base, language) for struggle, counted in rows),
    )


def new_message(
    delivery: Delivery,
    rows: Sequence[tuple[Struggle, Counted]],
    site: str,
    base: str,
    language: Language,
) -> Message:
    """Return what is said of struggles that were not there before, or are back after they were resolved."""
    _, returned = language.gettext, delivery.facts.get("returned", [])
    number = len(delivery.facts["struggles"]) - len(returned)
    whats, leads = [], []
    if number:
        new = language.ngettext("%(num)s new struggle", "%(num)s new struggles", number)
        whats.append(new % {"num": number})
        leads.append(_("Nobody met this before: %(what)s.") % {"what": whats[-1]})
    if returned:
        back = language.ngettext(
            "%(num)s struggle that returned", "%(num)s struggles that returned", len(returned)
        )
        whats.append(back % {"num": len(returned)})
        leads.append(_("Resolved before, and back: %(what)s.") % {"what": whats[-1]})
    items = []
    for struggle, counted in rows:
        item = _item(struggle, counted, base, language)
        is_back = struggle.key in returned
        items.append(replace(item, title=f"{_('Back:')} {item.title}") if is_back else item)
    return Message(
        subject=f"{delivery.name}: {', '.join(whats)}",
        lead=" ".join(leads),
        link=f"{base}/struggles",
        link_text=_("Open the struggles"),
        foot=foot(base, language),
        facts=tuple(_conditions(delivery.facts, site, language)),
        items=tuple(items),
    )


def health_link(base: str, site: str) -> str:
    """Return the address of a site's (key) page of recording health, which says why nothing arrives."""
    return f"{base}/sites/{quote(site, safe='')}/health"


def silent_message(
    delivery: Delivery, names: Mapping[str, str], zone: str, base: str, language: Language
) -> Message:
    """Return what is said of sites, with *names* by key, of which nothing arrives any more."""
    _, silent = language.gettext, delivery.facts["silent"]
    values = {
        "sites": ", ".join(_line(names[one["site"]]) for one in silent),
        "span": span(delivery.facts["window"], language.code),
    }
    links = [health_link(base, one["site"]) for one in silent]
    return Message(
        subject=f"{delivery.name}: {values['sites']}",
        lead=_(
            "Nothing has arrived of %(sites)s for %(span)s, though it usually does at these hours."
        )
        % values,
        link=links[0] if len(links) == 1 else f"{base}/sites",
        link_text=_("See why nothing arrives"),
        foot=foot(base, language),
        items=tuple(
            Item(
                _line(names[one["site"]]),
                _("last at %(time)s") % {"time": _moment(one["last"], zone, language)},
                _usual(one["usual"], language),
                link,
            )
            for one, link in zip(silent, links, strict=True)
        ),
    )


def _usual(sessions: float, language: Language) -> str:
    """Return how many sessions are usual at the hours in which nothing arrived."""
    told = language.ngettext("usually %(num)s session", "usually %(num)s sessions", round(sessions))
    return told % {"num": _number(sessions, language)}


def _moment(at_ms: int, zone: str, language: Language) -> str:
    """Return a time by the clocks of *zone*, which is named."""
    pattern = "d MMM, HH:mm" if language.code == "en" else "d. MMM, HH:mm"
    return f"{format_datetime(_day(at_ms, zone), pattern, locale=language.code)} ({zone})"


def digest_message(
    delivery: Delivery, week: Digest, site: str, zone: str, base: str, language: Language
) -> Message:
    """Return the week in numbers."""
    _ = language.gettext
    first, last = (_day(at, zone) for at in (week.span.from_ms, week.span.until_ms - 1))
    dates = f"{_date(first, language)} – {_date(last, language)}"
    query = {"until": week.span.until_ms, **({"site": week.site} if week.site else {})}
    return Message(
        subject=_("Your week with Stolper: %(dates)s") % {"dates": dates},
        lead=digest_lead(week, language),
        link=f"{base}/digest?{urlencode(query)}",
        link_text=_("Open the week"),
        foot=foot(base, language),
        facts=(
            (_("Site"), site or _("all")),
            *digest_facts(week, language),
            *review_facts(week, language),
            *fix_facts(week, language),
        ),
        items_title=_("What most visitors struggled with"),
        items=tuple(
            Item(
                ("" if not row.new else _("New:") + " ") + struggle_title(row.struggle, language),
                _where(row.struggle),
                sessions_and_before(row.counted, language),
                f"{base}/struggles/{row.struggle.key}",
            )
            for row in week.rows
        ),
        bars_title=_("Sessions by day"),
        bars=tuple(
            Bar(
                day_text(day.at_ms, zone, language),
                day.sessions,
                day.flagged,
            )
            for day in week.days
        ),
    )


def digest_lead(week: Digest, language: Language) -> str:
    """Return the week in a sentence."""
    _ = language.gettext
    if not week.sessions:
        return _("No visit was recorded in this week.")
    share = percent(week.flagged / week.sessions, language.code)
    told = _("%(share)s of the sessions met a struggle") % {"share": share}
    if not week.before.sessions:
        return told + "."
    was = percent(week.before.flagged / week.before.sessions, language.code)
    return told + _(", the week before %(share)s.") % {"share": was}


def digest_facts(week: Digest, language: Language) -> list[tuple[str, str]]:
    """Return the week's sums beside those of the week before."""
    _ = language.gettext

    def beside(now: int, before: int) -> str:
        text = _number(now, language)
        if before:
            change = format_percent(
                now / before - 1,
                "+#,##0%;−#,##0%" if language.code == "en" else "+#,##0\u00a0%;−#,##0\u00a0%",
                locale=language.code,
            )
            text += f" ({change})"
        return text

    return [
        (_("Sessions"), beside(week.sessions, week.before.sessions)),
        (_("With a struggle"), beside(week.flagged, week.before.flagged)),
    ]


def review_facts(week: Digest, language: Language) -> list[tuple[str, str]]:
    """Return how many struggles are reviewed, and which reviews are overdue, where any is."""
    _, reviews = language.gettext, week.reviews
    if not reviews.flagged:
        return []
    share = percent(reviews.reviewed / reviews.flagged, language.code)
    told = _("%(reviewed)s of %(num)s") % {
        "reviewed": _number(reviews.reviewed, language),
        "num": _number(reviews.flagged, language),
    }
    facts = [(_("Struggles reviewed"), f"{told} ({share})")]
    if reviews.total:
        named = [
            struggle_title(one.struggle, language)
            + (f" ({one.triage.owner})" if one.triage.owner else "")
            for one in reviews.items
        ]
        more = ["…"] if reviews.total > len(named) else []
        text = f"{_number(reviews.total, language)}: {', '.join([*named, *more])}"
        facts.append((_("Reviews overdue"), text))
    return facts


def fix_facts(week: Digest, language: Language) -> list[tuple[str, str]]:
    """Return what came of fixes of the last weeks."""
    _ = language.gettext
    return [
        (
            _("Fixed: %(name)s") % {"name": struggle_title(one.struggle, language)},
            short_text(one.verdict, language),
        )
        for one in week.fixed
    ]


def sessions_and_before(counted: Counted, language: Language) -> str:
    """Return how many sessions met a struggle, and how many in the span before."""
    text = language.ngettext("%(num)s session", "%(num)s sessions", counted.sessions)
    now = text % {"num": _number(counted.sessions, language)}
    if counted.before:
        now += language.gettext(", before %(num)s") % {"num": _number(counted.before, language)}
    return now


def _conditions(facts: dict[str, Any], site: str, language: Language) -> list[tuple[str, str]]:
    _ = language.gettext
    found = [(_("Site"), site or _("all"))]
    found += [
        (name, facts[key])
        for name, key in ((_("Rule"), "rule"), (_("Page"), "page"))
        if facts.get(key)
    ]
    if facts.get("severity", "info") != "info":
        found.append((_("Severity at least"), severity_text(facts["severity"], _)))
    if facts.get("threshold"):
        found.append((_("Alert from"), _number(facts["threshold"], language)))
    return found


def _item(struggle: Struggle, counted: Counted, base: str, language: Language) -> Item:
    return Item(
        struggle_title(struggle, language),
        _where(struggle),
        sessions_and_before(counted, language),
        f"{base}/struggles/{struggle.key}",
    )


def struggle_title(struggle: Struggle, language: Language) -> str:
    """Return what a struggle is called, on one line: pages write labels, and could write lines of their own."""
    label = (struggle.target or {}).get("label")
    title = language.text(struggle.title)
    return _line(f"{title}: {cut(label)}" if label else title)


def _where(struggle: Struggle) -> str:
    return _line(" · ".join(part for part in (struggle.site_name, struggle.page) if part))


def _line(text: str) -> str:
    """Return *text* without what is no letter on a line: breaks of lines, and signs that turn the text around."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def foot(base: str, language: Language) -> str:
    """Return the last line of a message: who sent it, and where to change that."""
    return language.gettext("Sent by your own Stolper at %(address)s. Who is told: %(link)s") % {
        "address": base,
        "link": f"{base}/alerts",
    }


def _number(number: float, language: Language) -> str:
    return format_decimal(round(number, 1), locale=language.code)


def _day(at_ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))


def day_text(at_ms: int, zone: str, language: Language) -> str:
    """Return the name of a day of a week."""
    pattern = "EEE d MMM" if language.code == "en" else "EEE d. MMM"
    return format_date(_day(at_ms, zone), pattern, locale=language.code)


def _date(day: datetime, language: Language) -> str:
    return format_date(day, "d MMM" if language.code == "en" else "d. MMM", locale=language.code)
