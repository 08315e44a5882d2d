"""
Puts a message together when it is sent: texts of struggles are looked up then, and kept nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from console.alert_words import (
    Message,
    count_message,
    digest_message,
    health_link,
    new_message,
    silent_message,
    test_message,
)
from console.digest import DigestStore, digest
from console.format import iso
from console.language import Language, Languages
from console.report_mail import report_told
from console.reporting import NoReports, Reports
from console.workbench import ProcessState
from core.alerts import HOUR_MS, Counted, Delivery, FlagFilter, Span
from core.model import Struggle
from insight.reports import ReportStore

SHOWN = 5
"""Struggles that a message names; the page it leads to has all."""


class TellingStore(DigestStore, ReportStore, Protocol):
    """The parts of a store that messages are written from."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message for people, and the same for programs (docs/alerts.md)."""

    message: Message
    payload: dict[str, Any]


class Teller:
    """
    Writes messages. *base* returns the address of the console, *zone* is that of a digest's days.

    *reports* and *processes* are those in force: a digest may be a report.
    """

    def __init__(
        self,
        store: TellingStore,
        base: Callable[[], str],
        zone: str,
        *,
        reports: Reports | None = None,
        processes: Callable[[], Sequence[ProcessState]] = lambda: (),
    ) -> None:
        self._store = store
        self._reports = reports or NoReports()
        self._processes = processes
        self._base = base
        self._zone = zone
        self._languages = Languages()

    async def tell(self, delivery: Delivery) -> Told:
        """Return what *delivery* says."""
        base = self._base().rstrip("/")
        language = self._languages[delivery.language]
        if delivery.kind == "test":
            return _told(delivery, test_message(delivery, base, language), {})
        if delivery.kind == "silent":
            return await self._silent(delivery, base, language)
        site = await self._site_name(delivery.facts.get("site", ""))
        if delivery.kind == "digest" and delivery.facts.get("report"):
            message, data = await report_told(
                self._store, delivery, self._reports, self._processes(), self._zone, base, language
            )
            return _told(delivery, message, {**_facts_json(delivery.facts), **data})
        if delivery.kind == "digest":
            return await self._digest(delivery, site, base, language)
        rows = await self._rows(delivery)
        write = count_message if delivery.kind == "count" else new_message
        message = write(delivery, rows, site, base, language)
        struggles = [_struggle_json(struggle, one, base, language) for struggle, one in rows]
        return _told(delivery, message, {**_facts_json(delivery.facts), "struggles": struggles})

    async def _digest(self, delivery: Delivery, site: str, base: str, language: Language) -> Told:
        span = Span(delivery.facts["from"], delivery.facts["until"])
        week = await digest(self._store, delivery.facts.get("site", ""), span, self._zone)
        message = digest_message(delivery, week, site, self._zone, base, language)
        data = {
            **_facts_json(delivery.facts),
            "sessions": week.sessions,
            "sessions_flagged": week.flagged,
            "sessions_before": week.before.sessions,
            "sessions_flagged_before": week.before.flagged,
            "reviews": {
                "flagged": week.reviews.flagged,
                "reviewed": week.reviews.reviewed,
                "overdue": week.reviews.total,
            },
            "fixes": [
                {
                    "key": one.struggle.key,
                    "url": f"{base}/struggles/{one.struggle.key}",
                    "title": language.text(one.struggle.title),
                    "state": one.verdict.fix.state,
                    "outcome": one.verdict.outcome,
                    "sessions_before": one.verdict.before.met.some,
                    "of_before": one.verdict.before.met.all,
                    "sessions_since": one.verdict.since.met.some,
                    "of_since": one.verdict.since.met.all,
                }
                for one in week.fixed
            ],
            "days": [[day.sessions, day.flagged] for day in week.days],
            "struggles": [
                _struggle_json(row.struggle, row.counted, base, language) for row in week.rows
            ],
        }
        return _told(delivery, message, data)

    async def _silent(self, delivery: Delivery, base: str, language: Language) -> Told:
        names = {
            one["site"]: await self._site_name(one["site"]) for one in delivery.facts["silent"]
        }
        message = silent_message(delivery, names, self._zone, base, language)
        data = {
            "threshold": delivery.facts["threshold"],
            "hours": delivery.facts["window"] // HOUR_MS,
            "sites": [
                {
                    "site": names[one["site"]],
                    "site_key": one["site"],
                    "last_at": iso(one["last"]),
                    "usual": one["usual"],
                    "url": health_link(base, one["site"]),
                }
                for one in delivery.facts["silent"]
            ],
        }
        return _told(delivery, message, data)

    async def _site_name(self, key: str) -> str:
        site = await self._store.site(key) if key else None
        return site.name if site else key

    async def _rows(self, delivery: Delivery) -> Sequence[tuple[Struggle, Counted]]:
        """Return the struggles that a message names, as they are now: one that was erased is none."""
        facts = delivery.facts
        if delivery.kind == "new":
            found = [Counted(key, 0) for key in facts["struggles"]]
        else:
            wanted = FlagFilter(**{name: facts[name] for name in FILTER if facts.get(name)})
            span = Span(facts["from"], facts["until"])
            found = await self._store.counted_struggles(wanted, span, SHOWN)
        rows = []
        for counted in found[:SHOWN]:
            struggle = await self._store.struggle(counted.key)
            if struggle is not None:
                sessions = counted.sessions or struggle.sessions
                rows.append((struggle, replace(counted, sessions=sessions)))
        return rows


FILTER = ("site", "rule", "page", "severity")


def _facts_json(facts: dict[str, Any]) -> dict[str, Any]:
    """Return *facts* as programs read them: times as the API writes them."""
    told = {name: value for name, value in facts.items() if name not in ("from", "until")}
    return {**told, **{name: iso(facts[name]) for name in ("from", "until") if name in facts}}


def _struggle_json(
    struggle: Struggle, counted: Counted, base: str, language: Language
) -> dict[str, Any]:
    return {
        "key": struggle.key,
        "url": f"{base}/struggles/{struggle.key}",
        "title": language.text(struggle.title),
        "rule": struggle.rule,
        "severity": struggle.severity,
        "site": struggle.site_name,
        "page": struggle.page,
        "target": (struggle.target or {}).get("label"),
        "sessions": counted.sessions,
        "sessions_before": counted.before,
    }


def _told(delivery: Delivery, message: Message, data: dict[str, Any]) -> Told:
    payload = {
        "id": delivery.id,
        "type": delivery.kind,
        "at": iso(delivery.created_ms),
        "alert": {"id": delivery.alert, "name": delivery.name},
        "title": message.subject,
        "text": message.lead,
        "url": message.link,
        "data": data,
    }
    return Told(message, payload)
