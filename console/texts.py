"""
Owns putting a session's timeline into words of the reader's language, and the player's own words.

Everything here ends in JSON and is drawn as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from babel.numbers import format_decimal

from console.format import cut
from console.health_words import lack_text
from console.language import Language
from console.words import GAP_KINDS, Words, gap_text, severity_text
from core.model import Flag, Session
from replay.timeline import GapSpan, Row, Timeline


def timeline_json(
    session: Session, timeline: Timeline, flags: Sequence[Flag], language: Language
) -> dict[str, Any]:
    """Return what the player draws. Times are server milliseconds."""
    return {
        "session": session.id,
        "running": session.ended_ms is None,
        "pages": format_decimal(session.pages, locale=language.code),
        "events": format_decimal(session.events, locale=language.code),
        "start": timeline.start_ms,
        "end": timeline.end_ms,
        "tabs": [
            {"id": tab.id, "number": tab.number, "at": tab.at_ms, "until": tab.until_ms}
            for tab in timeline.tabs
        ],
        "loads": [
            {"id": load.id, "tab": load.tab, "at": load.at_ms, "until": load.until_ms}
            for load in timeline.loads
        ],
        "views": [
            {"at": view.at_ms, "tab": view.tab, "load": view.page_load, "path": view.path}
            for view in timeline.views
        ],
        "rows": [_row_json(row, language) for row in timeline.rows],
        "flags": [
            flag_json(flag, language) for flag in sorted(flags, key=lambda flag: flag.first_ms)
        ],
        "gaps": [_gap_json(gap, language) for gap in timeline.gaps],
    }


def _row_json(row: Row, language: Language) -> dict[str, Any]:
    text, detail = row_text(row, language)
    return {
        "id": row.id,
        "at": row.at_ms,
        "type": row.type,
        "tab": row.tab,
        "text": text,
        "detail": detail,
        "tone": row.tone,
    }


def flag_json(flag: Flag, language: Language) -> dict[str, Any]:
    """Return *flag* as the player draws it. It begins where its evidence begins."""
    return {
        "id": flag.id,
        "at": flag.first_ms,
        "until": flag.until_ms,
        "tab": flag.tab,
        "rule": flag.rule,
        "title": language.text(flag.title),
        "target": str((flag.target or {}).get("label") or ""),
        "page": flag.page or "",
        "severity": flag.severity,
        "severity_text": severity_text(flag.severity, language.gettext),
        "provisional": flag.provisional,
        "evidence": [one.event for one in flag.evidence],
    }


def gap_words(gap: GapSpan, language: Language) -> tuple[str, str]:
    """Return the words for *gap*, and its reason, which may be empty."""
    if not gap.told:
        return gap_text(gap.kind, language.gettext), gap.reason
    lack = lack_text(gap.told, gap.reason, language.gettext)  # its reason is part of the words
    return lack[:1].upper() + lack[1:], ""


def _gap_json(gap: GapSpan, language: Language) -> dict[str, Any]:
    text, reason = gap_words(gap, language)
    return {
        "kind": gap.kind,
        "at": gap.at_ms,
        "until": gap.until_ms,
        "text": text,
        "reason": reason,
    }


def row_text(row: Row, language: Language) -> tuple[str, str]:
    """Return the words for *row*: what happened, and a detail that may be empty."""
    row = replace(row, label=cut(row.label))
    teller = _TELLERS.get(row.type)
    return teller(row, language.gettext) if teller else (row.type, row.label)


def _page(row: Row, _: Words) -> tuple[str, str]:
    by = {
        "reload": _("reloaded"),
        "back_forward": _("back or forward"),
        "bfcache": _("back or forward"),
        "route": _("within the page"),
    }
    return row.path or "/", by.get(str(row.facts.get("nav")), "")


def _click(row: Row, _: Words) -> tuple[str, str]:
    facts = row.facts
    if "error_ms" in facts:
        after = _("a script error followed")
    elif facts.get("answered_ms") is None:
        after = _("no reaction seen")
    elif facts["answered_ms"] >= 1000:
        after = _("answered after %(seconds)s s") % {"seconds": _seconds(facts["answered_ms"], _)}  # fmt: skip
    else:
        after = ""
    return _("Click on %(what)s") % {"what": row.label or _("the page")}, after


def _seconds(span_ms: float, _: Words) -> str:
    """Return *span_ms* in seconds, with one decimal."""
    whole, tenth = divmod(round(span_ms / 100), 10)
    return _("%(whole)s.%(tenth)s") % {"whole": whole, "tenth": tenth}


def _field(row: Row, _: Words) -> tuple[str, str]:
    name = row.label or str(row.facts.get("field") or _("a field"))
    if row.facts.get("invalid"):
        return _("Field %(what)s was refused") % {"what": name}, ""
    if row.facts.get("cause") == "choice":
        return _("Chose in %(what)s") % {"what": name}, ""
    refills = row.facts.get("refills")
    detail = _("refilled %(times)s times") % {"times": refills} if refills else ""
    return _("Filled in %(what)s") % {"what": name}, detail


def _form(row: Row, _: Words) -> tuple[str, str]:
    outcomes = {
        "navigated": _("went on"),
        "accepted": _("accepted"),
        "refused": _("refused"),
        "unknown": _("outcome unknown"),
    }
    return _("Form sent"), outcomes.get(str(row.facts.get("outcome")), "")


def _message(row: Row, _: Words) -> tuple[str, str]:
    kinds = {"error": _("Error message"), "warning": _("Warning"), "success": _("Confirmation")}
    words = cut(str(row.facts.get("words") or "")) or row.label
    return kinds.get(str(row.facts.get("severity")), _("Message")), words


def _request(row: Row, _: Words) -> tuple[str, str]:
    facts = row.facts
    where = f"{facts.get('method', '')} {facts.get('url', '')}".strip()
    status = facts.get("status")
    if status == 0:
        return _("Request failed"), where
    if status is not None and status >= 400:
        return _("Request failed with %(status)s") % {"status": status}, where
    return _("Slow request"), where


def _error(row: Row, _: Words) -> tuple[str, str]:
    return _("Script error"), str(row.facts.get("message") or "")


def _console(row: Row, _: Words) -> tuple[str, str]:
    return _("Note in the browser's console"), str(row.facts.get("text") or "")


def _asset(row: Row, _: Words) -> tuple[str, str]:
    return _("A file of the page did not load"), str(row.facts.get("url") or "")


def _custom(row: Row, _: Words) -> tuple[str, str]:
    props = row.facts.get("props") or {}
    return str(row.facts.get("name") or row.type), ", ".join(f"{k}: {v}" for k, v in props.items())


def _vitals(row: Row, _: Words) -> tuple[str, str]:
    facts = row.facts
    loaded = facts.get("lcp_ms") or facts.get("route_ms")
    took = loaded or facts.get("inp_ms") or facts.get("long_task_ms") or 0
    detail = _("took %(seconds)s s") % {"seconds": _seconds(took, _)}
    return (_("Slow page") if loaded else _("The page did not react")), detail


def _cursor(row: Row, _: Words) -> tuple[str, str]:
    return _("Mouse pointer shaken"), row.label


def _copy(row: Row, _: Words) -> tuple[str, str]:
    kinds = {"cut": _("Cut out"), "paste": _("Pasted")}
    kind = str(row.facts.get("kind"))
    if kind == "copy" and row.facts.get("region") == "error":
        return _("Copied an error message"), row.label
    return kinds.get(kind, _("Copied")), row.label


def _gesture(row: Row, _: Words) -> tuple[str, str]:
    kind = row.facts.get("kind")
    if kind == "rotate":
        return _("Device turned"), ""
    if kind == "pinch":
        return _("Zoomed with two fingers"), (
            _("the page forbids it") if row.facts.get("blocked") else row.label
        )
    return _("Swiped without a reaction"), row.label


def _key(row: Row, _: Words) -> tuple[str, str]:
    detail = _("%(times)s times") % {"times": row.facts.get("count")}
    return _("Keys pressed without a reaction"), detail


_TELLERS: dict[str, Callable[[Row, Words], tuple[str, str]]] = {
    "page": _page,
    "click": _click,
    "field": _field,
    "form": _form,
    "message": _message,
    "request": _request,
    "error": _error,
    "console": _console,
    "asset": _asset,
    "custom": _custom,
    "vitals": _vitals,
    "cursor": _cursor,
    "copy": _copy,
    "gesture": _gesture,
    "key": _key,
}


def player_texts(language: Language) -> dict[str, str]:
    """Return the player's own words."""
    _ = language.gettext
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "position": _("%(at)s of %(end)s"),
        "tab": _("Tab %(number)s"),
        "loading": _("Loading the recording …"),
        "no_snapshot": _("No picture of this page has arrived. The browser sends it first; it may have been lost."),
        "waiting": _("No picture has arrived yet. It appears here as soon as the browser has sent it."),
        "no_recording": _("Nothing was recorded in this session. The events beside show what is known."),
        "not_open": _("This tab was not open at this time."),
        "failed": _("The recording cannot be loaded: %(reason)s"),
        "unreachable": _("the server is not reached"),
        "no_stage": _("the player's own part did not start; load the page again"),
        "signed_out": _("You are signed out. Sign in again in another tab, then go on here."),
        "broken": _("This picture could not be drawn. Go on to the next page or moment."),
        "blank": _("Frame of %(host)s, not recorded"),
        "skipped": _("Skipped %(span)s without activity"),
        **{f"gap_{kind}": gap_text(kind, _) for kind in GAP_KINDS},
        "ended": _("The session has ended"),
        "at_flag": _("%(title)s at %(at)s"),
        "provisional": _("provisional"),
        "none_yet": _("none so far"),
        "copied": _("Copied"),
        "example_yes": _("Rightly flagged"),
        "example_no": _("No struggle"),
        "test": _("Save as a test"),
        "pick_how": _("Point at an element and click, or walk with the arrow keys and press Enter. Esc ends."),
        "pick_here": _("%(what)s: click or press Enter to pick it"),
        "pick_named": _("%(kind)s “%(label)s”"),
        "pick_counting": _("Counting presses …"),
        "pick_failed": _("The server did not answer. Close this and pick again."),
        "pick_none": _("Nothing about this element can be relied on. Pick one around it: press ↑ while picking."),
    }  # fmt: skip
