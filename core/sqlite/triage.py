"""
What people say of struggles: states, owners, due reviews, notes, and when one returns. SQL only.

Owns when a struggle that was resolved has returned. Lists of struggles are queue.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson

from core.model import Flag
from core.sqlite import accounts, fixes
from core.sqlite.counters import STANDING
from core.triage import Entry, Triage, TriageChange, What

SYSTEM = ""
"""Who says that a struggle has returned: nobody but its flags."""

AUDITED: dict[What, str] = {
    "note": "struggle_noted",
    "state": "struggle_state",
    "owner": "struggle_owner",
    "due": "struggle_due",
    "reviewed": "struggle_reviewed",
}
"""What each entry of the history is called in the audit."""

_COLUMNS = (
    "struggle, state, state_ms, state_by, release, reason, owner, due, reviewed_ms, reviewed_by"
)
_RELEASE = (
    "CASE WHEN json_valid(s.attributes) THEN coalesce(json_extract(s.attributes, '$.release'), '')"
    " ELSE '' END"
)
_MOST_RELEASES = 200
"""So many releases in which a struggle was seen are remembered: more a site has not in use."""


def of(db: sqlite3.Connection, struggle: str) -> Triage:
    """Return what people have said of *struggle*."""
    row = db.execute(f"SELECT {_COLUMNS} FROM triage WHERE struggle = ?", (struggle,)).fetchone()
    return Triage(*row) if row else Triage(struggle)


def all_of(db: sqlite3.Connection) -> dict[str, Triage]:
    """Return what people have said of any struggle."""
    return {row[0]: Triage(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM triage")}


def history(db: sqlite3.Connection, struggle: str) -> list[Entry]:
    """Return the history of *struggle*, newest first."""
    rows = db.execute(
        "SELECT id, struggle, at_ms, who, what, before, after, detail, edited_ms FROM triage_history"
        " WHERE struggle = ? ORDER BY id DESC",
        (struggle,),
    )
    return [Entry(*row) for row in rows]


def change(
    db: sqlite3.Connection, keys: Sequence[str], said: TriageChange, who: str, at_ms: int
) -> int:
    """Say *said* of those of *keys* of which there is a flag; return how many that changed."""
    return sum(_change(db, key, said, who, at_ms) for key in dict.fromkeys(keys) if _known(db, key))


def _known(db: sqlite3.Connection, key: str) -> bool:
    row = db.execute(
        f"SELECT 1 FROM flags f INDEXED BY flags_by_last WHERE f.struggle = ? AND {STANDING} LIMIT 1",
        (key,),
    ).fetchone()
    return row is not None


def _change(db: sqlite3.Connection, key: str, said: TriageChange, who: str, at_ms: int) -> bool:
    old = of(db, key)
    new = _changed(old, said, who, at_ms)
    entries: list[tuple[What, str, str, str]] = []
    if (new.state, new.release, new.reason) != (old.state, old.release, old.reason):
        entries.append(("state", old.state, new.state, new.release or new.reason))
    if new.owner != old.owner:
        entries.append(("owner", old.owner, new.owner, ""))
    if new.due != old.due:
        entries.append(("due", old.due, new.due, ""))
    implied = any(what in ("state", "due") for what, *_ in entries)
    if (new.reviewed_ms is None) != (old.reviewed_ms is None) and not implied:
        yes, no = ("yes", "") if new.reviewed_ms is not None else ("", "yes")
        entries.append(("reviewed", no, yes, ""))
    if entries:
        _put(db, new, at_ms)
        if new.state == "resolved" and entries[0][0] == "state":
            _note_resolved(db, new, at_ms)
    if said.note:
        entries.append(("note", "", "", said.note))
        _put(db, new, at_ms)  # it was touched
    for what, before, after, detail in entries:
        _log(db, key, at_ms, who, what, before, after, detail)
        accounts.audit(db, at_ms, who, AUDITED[what], key)
    return bool(entries)


def _changed(old: Triage, said: TriageChange, who: str, at_ms: int) -> Triage:
    """Return *old* as it is once *who* has said *said*."""
    new = old
    if said.state is not None:
        told = said.release if said.state == "resolved" else ""
        why = said.reason if said.state == "ignored" else ""
        if (said.state, told, why) != (old.state, old.release, old.reason):
            new = replace(
                new, state=said.state, state_ms=at_ms, state_by=who, release=told, reason=why
            )
        new = _reviewed(new, said.state != "new", who, at_ms)
    if said.owner is not None:
        new = replace(new, owner=said.owner)
    if said.due is not None and said.due != old.due:
        new = replace(new, due=said.due)
        if said.due:
            new = _reviewed(new, False, who, at_ms)
    if said.reviewed is not None:
        new = _reviewed(new, said.reviewed, who, at_ms)
    return new


def _reviewed(old: Triage, yes: bool, who: str, at_ms: int) -> Triage:
    if not yes:
        return replace(old, reviewed_ms=None, reviewed_by="")
    if old.reviewed_ms is not None:
        return old
    return replace(old, reviewed_ms=at_ms, reviewed_by=who)


def _put(db: sqlite3.Connection, new: Triage, at_ms: int) -> None:
    values = (
        new.struggle, new.state, new.state_ms, new.state_by, new.release, new.reason, new.owner,
        new.due, new.reviewed_ms, new.reviewed_by, at_ms,
    )  # fmt: skip
    db.execute(
        f"INSERT INTO triage ({_COLUMNS}, resolved_ms, releases, touched_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '[]', ?)"
        " ON CONFLICT (struggle) DO UPDATE SET state = excluded.state, state_ms = excluded.state_ms,"
        " state_by = excluded.state_by, release = excluded.release, reason = excluded.reason,"
        " owner = excluded.owner, due = excluded.due, reviewed_ms = excluded.reviewed_ms,"
        " reviewed_by = excluded.reviewed_by, touched_ms = excluded.touched_ms",
        values,
    )


def _log(
    db: sqlite3.Connection,
    key: str,
    at_ms: int,
    who: str,
    what: What,
    before: str,
    after: str,
    detail: str,
) -> None:
    db.execute(
        "INSERT INTO triage_history (struggle, at_ms, who, what, before, after, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, at_ms, who, what, before, after, detail),
    )


def edit_note(db: sqlite3.Connection, note: int, text: str, who: str, at_ms: int) -> bool:
    """Replace the text of a note of *who*; "" takes it back."""
    row = db.execute(
        "UPDATE triage_history SET detail = ?, edited_ms = ?"
        " WHERE id = ? AND what = 'note' AND who = ? AND detail <> '' RETURNING struggle",
        (text, at_ms, note, who),
    ).fetchone()
    if row is not None:
        accounts.audit(
            db, at_ms, who, "struggle_note_changed" if text else "struggle_note_removed", row[0]
        )
    return row is not None


# When one returns


def _note_resolved(db: sqlite3.Connection, one: Triage, at_ms: int) -> None:
    """Remember when *one* was resolved and, with a release, in which others it was seen, and which are older."""
    seen: list[str] = []
    if one.release:
        rows = db.execute(
            f"SELECT DISTINCT {_RELEASE} FROM (SELECT DISTINCT f.session AS session FROM flags f"
            f" INDEXED BY flags_by_struggle WHERE f.struggle = ? AND {STANDING} AND f.at_ms <= ?) i"
            " CROSS JOIN sessions s ON s.id = i.session LIMIT ?",
            (one.struggle, at_ms, _MOST_RELEASES),
        )
        named = {row[0] for row in rows} | fixes.older(db, _site_of(db, one.struggle), one.release)
        seen = sorted(named - {one.release})
    db.execute(
        "UPDATE triage SET resolved_ms = ?, releases = ? WHERE struggle = ?",
        (at_ms, orjson.dumps(seen).decode(), one.struggle),
    )


def note_return(db: sqlite3.Connection, flag: Flag, key: str) -> None:
    """Let the struggle *key* return, if it was resolved and *flag*, just written, says that it is back."""
    row = db.execute(
        "SELECT resolved_ms, release, releases FROM triage WHERE struggle = ? AND state = 'resolved'",
        (key,),
    ).fetchone()
    if row is None or flag.withdrawn is not None or not _counts(db, flag.id, *row):
        return
    at_ms = int(flag.at_ms)
    one = replace(
        of(db, key), state="returned", state_ms=at_ms, state_by=SYSTEM, reviewed_ms=None, reviewed_by=""
    )  # fmt: skip
    _put(db, one, at_ms)
    _log(db, key, at_ms, SYSTEM, "returned", "resolved", "returned", _release_of(db, flag.session))
    accounts.audit(db, at_ms, SYSTEM, "struggle_returned", key)


def _counts(
    db: sqlite3.Connection, flag: str, resolved_ms: int, release: str, releases: str
) -> bool:
    """
    Say whether a flag is of a page loaded since; or, with a *release*, of one it had not been seen in.

    A session that tells no release counts by time: from when on that one is live.
    """
    row = db.execute(
        f"SELECT {_RELEASE}, s.site, coalesce((SELECT p.origin_ms FROM page_loads p WHERE p.session = s.id"
        " AND p.name = CASE WHEN json_valid(f.data) THEN json_extract(f.data, '$.page_load') END),"
        f" s.started_ms) FROM flags f CROSS JOIN sessions s ON s.id = f.session WHERE f.id = ? AND {STANDING}",
        (flag,),
    ).fetchone()
    if row is None:
        return False
    own, site, loaded_ms = row
    if loaded_ms <= resolved_ms:
        return False
    if release and not own:
        live_ms = fixes.live_since(db, site, release)
        return live_ms is not None and loaded_ms >= live_ms
    return not release or own not in orjson.loads(releases)


def _site_of(db: sqlite3.Connection, key: str) -> str:
    row = db.execute(
        f"SELECT f.site FROM flags f INDEXED BY flags_by_last WHERE f.struggle = ? AND {STANDING} LIMIT 1",
        (key,),
    ).fetchone()
    return str(row[0]) if row else ""


def unnote_returns(db: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Take back that struggles of *keys* have returned, where no flag that stands says so any more."""
    for key in set(keys):
        row = db.execute(
            "SELECT resolved_ms, release, releases FROM triage WHERE struggle = ? AND state = 'returned'",
            (key,),
        ).fetchone()
        if row is None:
            continue
        # Newest first, and one by one: the newest mostly say so, of a hundred thousand that there may be.
        flags = db.execute(
            f"SELECT f.id FROM flags f INDEXED BY flags_by_last WHERE f.struggle = ? AND {STANDING}"
            " AND f.at_ms > ? ORDER BY f.at_ms DESC",
            (key, row[0]),
        )
        if not any(_counts(db, id_, *row) for (id_,) in flags):
            _resolve_again(db, key)


def _resolve_again(db: sqlite3.Connection, key: str) -> None:
    """Put the struggle *key* back to what was said of it before it seemed to return."""
    last = db.execute(
        "SELECT at_ms, who FROM triage_history WHERE struggle = ? AND what = 'state'"
        " AND after = 'resolved' ORDER BY id DESC LIMIT 1",
        (key,),
    ).fetchone()
    db.execute(
        "DELETE FROM triage_history WHERE id = (SELECT max(id) FROM triage_history"
        " WHERE struggle = ? AND what = 'returned')",
        (key,),
    )
    at_ms, who = last or (None, SYSTEM)
    db.execute(
        "UPDATE triage SET state = 'resolved', state_ms = ?1, state_by = ?2, reviewed_ms = ?1,"
        " reviewed_by = ?2 WHERE struggle = ?3",
        (at_ms, who, key),
    )


def _release_of(db: sqlite3.Connection, session: str) -> str:
    row = db.execute(f"SELECT {_RELEASE} FROM sessions s WHERE s.id = ?", (session,)).fetchone()
    return str(row[0]) if row else ""


# Afterwards


def due_reviews(db: sqlite3.Connection, owner: str | None, today: str) -> tuple[int, int]:
    """Return how many reviews are due up to *today*, and how many of them are overdue."""
    row = db.execute(
        "SELECT count(*), count(*) FILTER (WHERE t.due < ?1) FROM triage t WHERE t.due <> ''"
        " AND t.due <= ?1 AND t.reviewed_ms IS NULL AND (?2 IS NULL OR t.owner = ?2)"
        f" AND EXISTS (SELECT 1 FROM flags f INDEXED BY flags_by_last WHERE f.struggle = t.struggle AND {STANDING})",
        (today, owner),
    ).fetchone()
    return int(row[0]), int(row[1])


def drop_old(db: sqlite3.Connection, before_ms: int) -> int:
    """Remove what was said of struggles without a flag that nobody has touched since *before_ms*."""
    gone = db.execute(
        "DELETE FROM triage WHERE touched_ms < ? AND NOT EXISTS (SELECT 1 FROM flags f"
        f" INDEXED BY flags_by_last WHERE f.struggle = triage.struggle AND {STANDING}) RETURNING struggle",
        (before_ms,),
    ).fetchall()
    db.executemany("DELETE FROM triage_history WHERE struggle = ?", gone)
    return len(gone)
