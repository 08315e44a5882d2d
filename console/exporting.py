"""
Owns what a session can be exported as, and the words in it: for the page, the API and the command.

How each file is made is replay's: offline.py, export.py, tables.py, transcript.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal, get_args

from console.format import duration
from console.language import LANGUAGES, Language
from console.texts import player_texts, row_text, timeline_json
from console.transcript_words import told
from core.errors import UserError
from core.model import Event, Session
from core.store import Store
from replay import deep
from replay.clip import cut_timeline
from replay.export import rrweb_events
from replay.known import Known, Span, known_of
from replay.offline import OfflinePlayer, write_offline
from replay.tables import events_csv, events_json
from replay.timeline import event_row
from replay.transcript import transcribe

Form = Literal["html", "rrweb", "csv", "json", "text"]
FORMS: tuple[Form, ...] = get_args(Form)

MEDIA: dict[Form, str] = {
    "html": "text/html; charset=utf-8",
    "rrweb": "application/json",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
}
_ENDING: dict[Form, str] = {
    "html": "html", "rrweb": "rrweb.json", "csv": "csv", "json": "json", "text": "txt",
}  # fmt: skip


class NotBuilt(UserError):
    """The player that goes into the file is not there."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. *notes*: with what people wrote at the session."""

    form: Form
    span: Span
    language: str
    notes: bool = True
    facts: bool = True  # rrweb: with Stolper's own events beside the picture


def file_name(session: Session, wish: Wish) -> str:
    """Return the name of the file, which says of which session it is, and of which span."""
    parts = ["stolper", re.sub(r"[^A-Za-z0-9_-]", "_", session.id)]
    if not wish.span.whole:
        first, last = wish.span.from_ms or 0, wish.span.until_ms
        until = "end" if last is None else duration(last).replace(":", ".")
        parts.append(f"{duration(first).replace(':', '.')}-{until}")
    return f"{'-'.join(parts)}.{_ENDING[wish.form]}"


async def write_export(
    store: Store, session: Session, wish: Wish, player_dir: Path, out: IO[bytes]
) -> None:
    """Write *session* to *out* as *wish* says. Raise NotBuilt if the player is not."""
    if wish.form == "rrweb":
        await _write_rrweb(store, session, wish, out)
        return
    known = await known_of(store, session, wish.span)
    if not wish.notes:
        known = replace(known, notes=())
    if wish.form == "html":
        player = offline_player(player_dir)
        words = await asyncio.to_thread(_all_words, known)
        await write_offline(store, known, words, player, out)
        return
    language = _language(wish.language)
    out.write(await asyncio.to_thread(_table, known, wish.form, language))


def offline_player(player_dir: Path) -> OfflinePlayer:
    """Return the built player of exported files. Raise NotBuilt if it is not there."""
    try:
        script, css = (
            (player_dir / f"offline.{ending}").read_text(encoding="utf-8")
            for ending in ("js", "css")
        )
    except FileNotFoundError:
        raise NotBuilt("the player is not built; run `make build`") from None
    return OfflinePlayer(script, css)


async def _write_rrweb(store: Store, session: Session, wish: Wish, out: IO[bytes]) -> None:
    count = 0
    async for event in rrweb_events(store, session.id, facts=wish.facts, span=wish.span):
        out.write(b",\n" if count else b"[\n")
        out.write(deep.dumps(event))
        count += 1
    out.write(b"\n]\n" if count else b"[\n]\n")


def _table(known: Known, form: Form, language: Language) -> bytes:
    if form == "json":
        return events_json(known)
    if form == "csv":

        def words(event: Event) -> tuple[str, str]:
            row = event_row(event)
            return row_text(row, language) if row else ("", "")

        return events_csv(known, words)
    return told(known.session, transcribe(known), language).text.encode()


@lru_cache(maxsize=len(LANGUAGES))
def _language(code: str) -> Language:
    """Return a language; reading its catalogue takes a while."""
    return Language(code)


def _all_words(known: Known) -> Mapping[str, Mapping[str, Any]]:
    """Return what the file says, in every language: whoever gets it may have another."""
    return {code: offline_words(known, _language(code)) for code in LANGUAGES}


def offline_words(known: Known, language: Language) -> dict[str, Any]:
    """Return what an exported file says in *language*."""
    timeline = cut_timeline(known.timeline, known.from_ms, known.until_ms)
    made = told(known.session, transcribe(known), language)
    return {
        "name": LANGUAGES[language.code],
        "title": made.title,
        "facts": list(made.facts),
        "texts": {**player_texts(language), **_own_texts(language)},
        "timeline": timeline_json(known.session, timeline, known.flags, language),
        "transcript": {"text": made.text, "lines": [asdict(line) for line in made.lines]},
        "notes": [
            {"at": note.at_ms, "author": note.author, "text": note.text} for note in known.notes
        ],
    }


def _own_texts(language: Language) -> dict[str, str]:
    _ = language.gettext
    return {
        "flags": _("Struggles"),
        "events": _("Events"),
        "transcript": _("Transcript"),
        "notes": _("Notes"),
        "gaps": _("Completeness"),
        "complete": _("Nothing is known to be missing."),
        "none": _("none so far"),
        "find": _("Search the events"),
        "copy": _("Copy"),
        "back": _("Back 5 seconds"),
        "forward": _("Forward 5 seconds"),
        "place": _("Position"),
        "speed": _("Speed"),
        "skip": _("Skip inactivity"),
        "language": _("Language"),
        "tabs": _("Browser tabs"),
        "replay": _("Replay"),
        "beside": _("Beside the replay"),
    }
