"""
All that is stored of somebody, as one zip file: access and portability (Art. 15 and 20 GDPR).

Owns what is in it and its form, which docs/export.md describes. Whose sessions these are was found
before.
"""

from __future__ import annotations

import asyncio
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import IO, Any, Protocol

from core.contacts import Contact, ContactQuery, ContactStore
from core.erasing import Whom
from core.errors import StoreError
from core.model import Session
from replay import deep
from replay.export import rrweb_events
from replay.known import KnownStore

FORMAT = 1

# An SVG opened from a folder runs its scripts, and anyone may have sent it: as text it runs none.
_ENDINGS = {
    "text/css": "css",
    "image/svg+xml": "svg.txt",
    "image/jpeg": "jpg",
    "image/x-icon": "ico",
}

_README = """\
What was stored of one person by Stolper, software that records visits to a web site.

manifest.json             what is in here, when it was made, for whom
sessions.json             the visits: times, device, pages, how much struggle they show
sessions/ID/events.jsonl  what was done in a visit, an event a line
sessions/ID/recording.json  how the pages looked and changed (format of rrweb)
sessions/ID/flags.json    where the software saw a struggle, and why
sessions/ID/notes.json    what somebody of the site's staff noted about the visit
contacts.json             calls, mails, chats ... that the site's staff kept, with notes and what was changed
assets/                   style sheets, fonts and pictures that belong to it; SVG pictures, which
                          could hold scripts, as .svg.txt

What was typed was masked in the browser and never stored.

Was von einer Person durch Stolper gespeichert wurde, eine Software, die Besuche einer Website
aufzeichnet. manifest.json sagt, was darin steht, wann und für wen es gemacht wurde. Was eingegeben
wurde, wurde schon im Browser maskiert und nie gespeichert. SVG-Bilder, die Skripte enthalten könnten,
heißen .svg.txt.
"""


MOST_CONTACTS = 100_000
"""More than anybody has: all of them are handed out."""


class PersonStore(KnownStore, ContactStore, Protocol):
    """The parts of a store that hold something of a person."""


async def write_dossier(
    store: PersonStore,
    whom: Whom,
    sessions: Sequence[Session],
    out: IO[bytes],
    *,
    at_ms: int,
    version: str,
) -> None:
    """Write all that is stored of *sessions*, which are those of *whom*, to *out* as a zip file."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        told: list[dict[str, Any]] = []
        assets: dict[str, tuple[str, str]] = {}
        missing: list[str] = []
        for session in sessions:
            told.append(await _session(store, session))
            await _put(file, f"{_folder(session)}/events.jsonl", await _events(store, session))
            await _put(file, f"{_folder(session)}/flags.json", await _flags(store, session))
            await _put(file, f"{_folder(session)}/notes.json", await _notes(store, session))
            await _put(file, f"{_folder(session)}/recording.json", await _recording(store, session))
            for name in await store.assets_of(session.id):
                assets[name] = session.site, name
        for site, name in assets.values():
            await _asset(store, file, site, name, missing)
        await _put(file, "sessions.json", _json(told))
        contacts = await contacts_of(store, whom)
        await _put(file, "contacts.json", _json([await _contact(store, one) for one in contacts]))
        manifest = {
            "format": FORMAT,
            "made_at": _iso(at_ms),
            "made_by": f"Stolper {version}",
            "of": {"kind": whom.kind, "id": whom.id},
            "sessions": [one.id for one in sessions],
            "contacts": [one.id for one in contacts],
            "assets": sorted(assets),
            "unreadable": missing,
            "files": [one.filename for one in file.infolist()],
        }
        await _put(file, "manifest.json", _json(manifest))
        await _put(file, "README.txt", _README.encode())


async def contacts_of(store: ContactStore, whom: Whom) -> list[Contact]:
    """Return the contacts of *whom*, newest first: a customer's, or the one that is named."""
    if whom.kind == "contact":
        return [one] if (one := await store.contact(whom.id)) else []
    if whom.kind != "customer":
        return []
    return await store.contacts(ContactQuery(customer=whom.id, limit=MOST_CONTACTS))


_OTHERS = ("agent", "customer", "session")
"""Fields of a contact whose changes name others: staff, and whoever it was given to by mistake."""


async def _contact(store: ContactStore, contact: Contact) -> dict[str, Any]:
    """Return a contact, without who of the staff wrote what, and for whom it was taken before."""
    told = asdict(contact)
    del told["made_by"], told["agent"]
    notes = (await store.contact_notes([contact.id]))[contact.id]
    changes = await store.contact_changes(contact.id)
    return {
        **told,
        "started_at": _iso(contact.started_ms),
        "notes": [{"at": _iso(one.made_ms), "kind": one.kind, "text": one.text} for one in notes],
        "changes": [
            {"at": _iso(one.at_ms), "field": one.field, "before": one.before, "after": one.after}
            for one in changes
            if one.field not in _OTHERS
        ],
    }


async def _session(store: KnownStore, session: Session) -> dict[str, Any]:
    """Return what is known of a session as a whole."""
    score = await store.score(session.id)
    return {
        **asdict(session),
        "started_at": _iso(session.started_ms),
        "last_at": _iso(session.last_ms),
        "folder": _folder(session),
        "page_loads": [asdict(one) for one in await store.page_loads(session.id)],
        "gaps": [asdict(one) for one in await store.gaps(session.id)],
        "score_terms": [asdict(term) for term in score.terms] if score else [],
    }


async def _events(store: KnownStore, session: Session) -> bytes:
    batches = await store.batches(session.id)
    events = sorted((e for one in batches for e in one.events), key=lambda e: float(e["ts"]))
    return b"".join(
        json.dumps({"at": _iso(event["ts"]), **event}, ensure_ascii=False).encode() + b"\n"
        for event in events
    )


async def _flags(store: KnownStore, session: Session) -> bytes:
    return _json([asdict(one) for one in await store.flags(session.id, withdrawn=True)])


async def _notes(store: KnownStore, session: Session) -> bytes:
    """Return what was written about the visit, without who wrote it: that is staff's, not the visitor's."""
    notes = await store.notes(session.id)
    return _json(
        [{"at": _iso(one.at_ms), "text": one.text, "made_at": _iso(one.made_ms)} for one in notes]
    )


async def _recording(store: KnownStore, session: Session) -> bytes:
    """Return the recording as a list of rrweb events, one a line."""
    lines = [deep.dumps(event) async for event in rrweb_events(store, session.id, facts=False)]
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


async def _asset(
    store: KnownStore, file: zipfile.ZipFile, site: str, name: str, missing: list[str]
) -> None:
    try:
        asset = await store.asset(site, name)
    except StoreError:
        asset = None
    if asset is None:
        missing.append(name)
        return
    ending = _ENDINGS.get(asset.media, asset.media.rpartition("/")[2])
    await _put(file, f"assets/{name}.{ending}", asset.content)


async def _put(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    await asyncio.to_thread(file.writestr, name, content)


def _folder(session: Session) -> str:
    return f"sessions/{re.sub(r'[^A-Za-z0-9_-]', '_', session.id)}"


def _iso(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
