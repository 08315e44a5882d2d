"""Keeps releases, and tells of fixes (core/fixes.py). SQL only; when a struggle returns is triage.py's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from core.fixes import MOST_RELEASES, NAME_LENGTH, Fix, Release
from core.sqlite import accounts
from core.sqlite.counters import STANDING

NEWEST = 500
"""So many of a struggle's newest flags say on which pages it is met."""

_COLUMNS = "site, name, seen_ms, told_ms, text"
_FIX = (
    "SELECT t.struggle, (SELECT f.site FROM flags f INDEXED BY flags_by_last"
    f" WHERE f.struggle = t.struggle AND {STANDING} LIMIT 1) AS site, t.state, t.release, t.resolved_ms"
    " FROM triage t WHERE t.state IN ('resolved', 'returned') AND t.resolved_ms IS NOT NULL"
)


def releases(db: sqlite3.Connection, site: str) -> list[Release]:
    """Return the releases of *site*, newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM releases WHERE site = ? ORDER BY coalesce(told_ms, seen_ms) DESC, name DESC",
        (site,),
    )
    return [Release(*row) for row in rows]


def put(db: sqlite3.Connection, one: Release, who: str, at_ms: int) -> None:
    """Keep what was told of a release."""
    db.execute(
        f"INSERT INTO releases ({_COLUMNS}) VALUES (?, ?, NULL, ?, ?)"
        " ON CONFLICT DO UPDATE SET told_ms = excluded.told_ms, text = excluded.text",
        (one.site, one.name, one.told_ms, one.text),
    )
    accounts.audit(db, at_ms, who, "told_release", f"{one.site} {one.name}")


def note_seen(
    db: sqlite3.Connection, site: str, started_ms: int, terms: Iterable[tuple[str, str]]
) -> None:
    """Note the release among the *terms* of a session that began then."""
    name = next((value for field, value in terms if field == "release"), "")
    if not name or len(name) > NAME_LENGTH:
        return
    known = db.execute(
        "SELECT seen_ms FROM releases WHERE site = ? AND name = ?", (site, name)
    ).fetchone()
    if known is None:
        db.execute(
            "INSERT INTO releases SELECT ?1, ?2, ?3, NULL, ''"
            " WHERE (SELECT count(*) FROM releases WHERE site = ?1) < ?4",
            (site, name, started_ms, MOST_RELEASES),
        )
    elif known[0] is None or started_ms < known[0]:
        db.execute(
            "UPDATE releases SET seen_ms = ? WHERE site = ? AND name = ?", (started_ms, site, name)
        )


def forget_unseen(db: sqlite3.Connection) -> None:
    """Drop the releases that no program told and no session is of any more: a name only the erased had is theirs."""
    seen = "SELECT 1 FROM search_terms t WHERE t.field = 'release' AND t.value = name AND t.sessions > 0"
    db.execute(f"DELETE FROM releases WHERE told_ms IS NULL AND NOT EXISTS ({seen})")


def fix(db: sqlite3.Connection, struggle: str) -> Fix | None:
    """Return the fix of *struggle*."""
    row = db.execute(f"{_FIX} AND t.struggle = ?", (struggle,)).fetchone()
    return None if row is None or row[1] is None else _fix(db, row)


def fixes(
    db: sqlite3.Connection, since_ms: int, until_ms: int, limit: int, site: str | None
) -> list[Fix]:
    """Return fixes that were said, or came back, in that time."""
    rows = db.execute(
        f"SELECT * FROM ({_FIX} AND (t.state_ms >= ?1 AND t.state_ms < ?2 OR t.resolved_ms >= ?1 AND t.resolved_ms < ?2)"
        " ORDER BY t.state_ms DESC, t.struggle) WHERE site IS NOT NULL AND (?3 IS NULL OR site = ?3) LIMIT ?4",
        (since_ms, until_ms, site, limit),
    ).fetchall()
    return [_fix(db, row) for row in rows]


def _fix(db: sqlite3.Connection, row: tuple[str, str, str, str, int]) -> Fix:
    pages = db.execute(
        "SELECT DISTINCT json_extract(data, '$.page') FROM (SELECT f.data FROM flags f INDEXED BY flags_by_last"
        f" WHERE f.struggle = ? AND {STANDING} ORDER BY f.at_ms DESC LIMIT {NEWEST}) WHERE json_valid(data) LIMIT 2",
        (row[0],),
    )
    found = tuple(page for (page,) in pages if page)
    return Fix(
        *row[:2],
        state="returned" if row[2] == "returned" else "resolved",
        release=row[3],
        resolved_ms=row[4],
        pages=found,
    )


def older(db: sqlite3.Connection, site: str, release: str) -> set[str]:
    """Return the releases of *site* that were there before *release*; none if that is not known."""
    rows = db.execute(
        "SELECT o.name FROM releases n CROSS JOIN releases o ON o.site = n.site"
        " WHERE n.site = ? AND n.name = ? AND o.name <> n.name"
        " AND coalesce(o.told_ms, o.seen_ms) < coalesce(n.told_ms, n.seen_ms)",
        (site, release),
    )
    return {name for (name,) in rows}


def since(db: sqlite3.Connection, release: str) -> dict[str, list[str]]:
    """Return *release* and those that came after it, by the site (key) that has it."""
    found: dict[str, list[str]] = {}
    for site, name in db.execute(
        "SELECT n.site, n.name FROM releases o CROSS JOIN releases n ON n.site = o.site"
        " WHERE o.name = ? AND coalesce(n.told_ms, n.seen_ms) >= coalesce(o.told_ms, o.seen_ms)",
        (release,),
    ):
        found.setdefault(site, []).append(name)
    return found


def live_since(db: sqlite3.Connection, site: str, release: str) -> int | None:
    """Return from when on *release* is live, as far as that is known."""
    row = db.execute(
        "SELECT coalesce(told_ms, seen_ms) FROM releases WHERE site = ? AND name = ?",
        (site, release),
    ).fetchone()
    return None if row is None else int(row[0])
