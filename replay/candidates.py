"""
Which visits fit what a caller remembers: each with reasons, the best first.

Pure functions over what the store returns. A first look at times and devices chooses whose events are read; the
second knows the pages, the buttons and the struggles too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

from core.model import SEVERITIES, Flag, Session, StoredBatch
from replay.memory import Memory, Span

Kind = Literal["time", "device", "browser", "os", "page", "label", "rule", "struggle"]

POINTS: dict[Kind, tuple[int, int]] = {
    "time": (40, -40),
    "device": (15, -20),
    "browser": (10, -10),
    "os": (10, -10),
    "page": (20, -10),
    "label": (12, -10),
    "rule": (15, -10),
    "struggle": (12, -6),
}
"""What it is worth that something fits, and that it does not. Somebody who calls has struggled, mostly."""

NEAR_MS = 10 * 60_000
"""What a caller tells of happened so near to the time that they tell, or it counts half."""

_ALIKE = (
    "checkout kasse bezahlen zahlung payment pay zahlen bestellung bestellen order purchase",
    "cart warenkorb basket korb",
    "login anmelden anmeldung signin sign-in einloggen",
    "register registrieren registrierung signup sign-up",
    "search suche suchen",
    "contact kontakt kontaktformular",
    "account konto profil profile",
    "product produkt artikel item",
    "invoice rechnung rechnungen invoices",
    "address adresse anschrift",
    "shipping versand lieferung delivery",
    "password passwort kennwort",
    "newsletter abo subscribe abonnieren",
    "formular form",
)
_SAME = {word: frozenset(words.split()) for words in _ALIKE for word in words.split()}
_HOME = frozenset({"/", "home", "startseite", "homepage"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a visit fits, or does not. *text* is the page, button, rule or device that *word* was found as."""

    kind: Kind
    fits: bool
    text: str = ""
    at_ms: float | None = None
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visit that may be meant, and the moment to open it at: a flag, or else a time."""

    session: Session
    points: float
    reasons: tuple[Reason, ...]
    flag: str | None = None
    at_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A session with what is known of it. Its pages are read from its events."""

    session: Session
    flags: Sequence[Flag] = ()
    batches: Sequence[StoredBatch] = ()
    places: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        last = None
        for batch in self.batches:
            for event in batch.events:
                path = event.get("path")
                if path and path != last:
                    self.places.append((event["ts"], path))
                    last = path


def likely(sessions: Iterable[Session], memory: Memory, most: int) -> list[Session]:
    """Return the *most* sessions that fit best by what their rows tell."""
    ranked = [_judged(Visit(one), memory) for one in sessions]
    return [one.session for one in sorted(ranked, key=_order)[:most]]


def ranked(visits: Iterable[Visit], memory: Memory, most: int) -> list[Candidate]:
    """Return the *most* visits that fit best, the best first; those of which nothing fits are left out."""
    judged = [_judged(one, memory, deep=True) for one in visits]
    fitting = [one for one in judged if any(reason.fits for reason in one.reasons)]
    return sorted(fitting, key=_order)[:most]


def _order(candidate: Candidate) -> tuple[float, int, str]:
    return -candidate.points, -candidate.session.last_ms, candidate.session.id


def _judged(visit: Visit, memory: Memory, *, deep: bool = False) -> Candidate:
    session, points, reasons = visit.session, 0.0, list[Reason]()

    def say(reason: Reason | None, share: float = 1.0) -> None:
        nonlocal points
        if reason is not None:
            reasons.append(reason)
            points += POINTS[reason.kind][0] * share if reason.fits else POINTS[reason.kind][1]

    span, off_ms = _nearest(session, memory.spans)
    if span is not None:
        share = 1.0 if not off_ms else max(0.0, 1 - off_ms / (span.give_ms + 1))
        at_ms = min(max(span.from_ms, session.started_ms), session.last_ms)
        say(Reason("time", share > 0, at_ms=at_ms), share)
    wishes: tuple[tuple[Kind, frozenset[str]], ...] = (
        ("device", memory.devices), ("browser", memory.browsers), ("os", memory.systems),
    )  # fmt: skip
    for kind, wanted in wishes:
        has = session.attributes.get(kind)
        if wanted and has:
            say(Reason(kind, has in wanted, str(has)))
    if not deep:
        points += 2 * bool(session.flags)
        return Candidate(session, points, tuple(reasons))
    for word in memory.words:
        found = _found(visit, word, span)
        say(found or Reason("page", False, word), 1.0 if _near(found, span) else 0.5)
    trouble = _trouble(visit.flags, span, reasons)
    if trouble is not None:
        reason = Reason("struggle", True, at_ms=trouble.first_ms, flag=trouble.id)
        say(reason, (1 + SEVERITIES.index(trouble.severity)) / len(SEVERITIES))
    elif memory.struggle:
        say(Reason("struggle", False))
    flag = trouble.id if trouble else None
    at = [one.at_ms for one in reasons if one.at_ms is not None and one.kind != "time"]
    return Candidate(session, points, tuple(reasons), flag, at[0] if at else _time_of(reasons))


def _time_of(reasons: Iterable[Reason]) -> float | None:
    return next((one.at_ms for one in reasons if one.kind == "time"), None)


def _nearest(session: Session, spans: Sequence[Span]) -> tuple[Span | None, float]:
    """Return the span that is nearest to when *session* went on, and how far off it is."""
    best: tuple[Span | None, float] = (None, 0.0)
    for span in spans:
        off_ms = float(max(0, span.from_ms - session.last_ms, session.started_ms - span.until_ms))
        if best[0] is None or off_ms < best[1]:
            best = span, off_ms
    return best


def _near(reason: Reason | None, span: Span | None) -> bool:
    if reason is None or reason.at_ms is None or span is None:
        return True
    return span.from_ms - NEAR_MS <= reason.at_ms <= span.until_ms + NEAR_MS


def _trouble(flags: Sequence[Flag], span: Span | None, reasons: Sequence[Reason]) -> Flag | None:
    """Return the flag to open a visit at: of a rule that was told, else the gravest near the time that was."""
    named = {one.flag for one in reasons if one.flag}
    grave = [one for one in flags if one.severity != "info" or one.id in named]

    def rank(flag: Flag) -> tuple[bool, bool, int, float]:
        near = _near(Reason("struggle", True, at_ms=flag.first_ms), span)
        return flag.id in named, near, SEVERITIES.index(flag.severity), flag.first_ms

    return max(grave, key=rank, default=None)


def _found(visit: Visit, word: str, span: Span | None) -> Reason | None:
    """Return where *word* is found in *visit*, nearest to the time that was told; None if nowhere."""
    pages = [Reason("page", True, path, at) for at, path in visit.places if _fits(word, path)]
    if not visit.places:
        paths = (visit.session.entry_path, visit.session.last_path)
        pages = [Reason("page", True, path) for path in paths if path and _fits(word, path)]
    for found in (pages, _rules(visit, word), _labels(visit, word)):
        if found:
            return min(found, key=lambda one: _off(one, span))
    return None


def _off(reason: Reason, span: Span | None) -> float:
    """Return how far from *span* it was; without one the latest is the nearest."""
    at_ms = reason.at_ms or 0.0
    return -at_ms if span is None else max(0.0, span.from_ms - at_ms, at_ms - span.until_ms)


def _rules(visit: Visit, word: str) -> list[Reason]:
    return [
        Reason("rule", True, flag.rule, flag.first_ms, flag.id)
        for flag in visit.flags
        if any(_has(text, word) for text in (*flag.title.values(), flag.rule.replace("_", " ")))
    ]


def _labels(visit: Visit, word: str) -> list[Reason]:
    """Return the presses on what is called like *word*: what is masked has no name here."""
    found = []
    for batch in visit.batches:
        for event in batch.events:
            label = (event.get("target") or {}).get("label")
            if label and _has(label, word):
                found.append(Reason("label", True, label, event["ts"]))
    return found


def _fits(word: str, path: str) -> bool:
    """Say whether a page is what *word* calls it."""
    if word in _HOME:
        return path in ("/", "/index.html")
    text = unquote(path).lower()
    return any(one in text for one in _SAME.get(word, {word}) if len(one) > 2 or one == word)


def _has(text: str, word: str) -> bool:
    low = text.lower()
    return any(one in low for one in _SAME.get(word, {word}) if len(one) > 2)
