"""Owns what the database counts by itself: struggles by the hour, and what recording health needs of a session."""

from __future__ import annotations

from sqlite_utils import Database

HOUR_MS = 3_600_000

STANDING = "f.withdrawn IS NULL AND f.struggle <> ''"
"""The condition on a flag `f` that counts: not withdrawn, of no test. Indexes of flags are on this one."""

MARKS = (
    "(s.holes > 0 OR s.reported > 0) + CASE WHEN json_valid(s.attributes)"
    " THEN coalesce(json_extract(s.attributes, '$.bot') = 1, 0) * 2 ELSE 0 END"
    " + CASE WHEN s.ended_ms IS NULL THEN 0 ELSE"
    " 4 * (NOT EXISTS (SELECT 1 FROM page_loads p JOIN batches b ON b.page_load = p.id"
    " WHERE p.session = s.id AND b.has_snapshot))"
    " + 8 * (s.end_kind <> 'ended'"
    " AND EXISTS (SELECT 1 FROM page_loads p WHERE p.session = s.id AND NOT p.farewell)) END"
    " + 16 * (s.holes > 0)"
)
"""
What recording health counts of a session `s`, as bits: incomplete, a program's; once it has ended: without any
picture of a page, without the end of one; with batches missing. A column, since an index would compute an expression again.
"""


def count_struggles(db: Database) -> None:
    """
    Make `struggle_hours`: of each struggle and hour, its flags, and the sessions whose last flag that is.

    So the hours from any one on add up to the sessions with a flag since, each once. Triggers keep
    it, whoever adds, changes or deletes flags.
    """
    db.execute(
        "CREATE TABLE struggle_hours (struggle TEXT NOT NULL, hour INTEGER NOT NULL, site TEXT NOT NULL,"
        " flags INTEGER NOT NULL, sessions INTEGER NOT NULL, PRIMARY KEY (struggle, hour)) WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO struggle_hours SELECT struggle, hour, site, count(*), sum(last) FROM ("
        f"SELECT struggle, CAST(at_ms / {HOUR_MS} AS INTEGER) AS hour, site, row_number() OVER"
        " (PARTITION BY struggle, session ORDER BY at_ms DESC) = 1 AS last"
        " FROM flags WHERE withdrawn IS NULL AND struggle <> '') GROUP BY struggle, hour"
    )
    for event, taken, added in (
        ("INSERT", "", _counted("NEW")),
        ("DELETE", _uncounted("OLD"), ""),
        ("UPDATE OF at_ms, withdrawn, struggle", _uncounted("OLD"), _counted("NEW")),
    ):
        changed = (
            " WHEN OLD.at_ms IS NOT NEW.at_ms OR OLD.withdrawn IS NOT NEW.withdrawn"
            " OR OLD.struggle IS NOT NEW.struggle"
            if taken and added
            else ""
        )
        name = event.split()[0].lower()
        db.execute(
            f"CREATE TRIGGER flags_{name} AFTER {event} ON flags{changed} BEGIN {taken}{added} END"
        )


def _other(row: str) -> str:
    """Return SQL for the time of the session's last flag of that struggle beside *row*; NULL if none."""
    return (
        f"(SELECT max(at_ms) FROM flags WHERE struggle = {row}.struggle AND session = {row}.session"
        f" AND withdrawn IS NULL AND struggle <> '' AND id <> {row}.id)"
    )


def _hour(at_ms: str) -> str:
    return f"CAST({at_ms} / {HOUR_MS} AS INTEGER)"


def _counted(row: str) -> str:
    """Return statements that count the flag *row*: where it is its session's last, that moves."""
    counts = f"{row}.withdrawn IS NULL AND {row}.struggle <> ''"
    other = _other(row)
    return (
        f"UPDATE struggle_hours SET sessions = sessions - 1 WHERE struggle = {row}.struggle"
        f" AND hour = {_hour(other)} AND {other} < {row}.at_ms AND {counts};"
        f" INSERT INTO struggle_hours SELECT {row}.struggle, {_hour(f'{row}.at_ms')}, {row}.site, 1,"
        f" coalesce({other} < {row}.at_ms, 1) WHERE {counts}"
        " ON CONFLICT (struggle, hour) DO UPDATE"
        " SET flags = flags + 1, sessions = sessions + excluded.sessions;"
    )


def _uncounted(row: str) -> str:
    """Return statements that take the flag *row* out of the counts again."""
    counts = f"{row}.withdrawn IS NULL AND {row}.struggle <> ''"
    here = f"struggle = {row}.struggle AND hour = {_hour(f'{row}.at_ms')}"
    other = _other(row)
    return (
        "UPDATE struggle_hours SET flags = flags - 1,"
        f" sessions = sessions - coalesce({other} < {row}.at_ms, 1) WHERE {here} AND {counts};"
        f" UPDATE struggle_hours SET sessions = sessions + 1 WHERE struggle = {row}.struggle"
        f" AND hour = {_hour(other)} AND {other} < {row}.at_ms AND {counts};"
        f" DELETE FROM struggle_hours WHERE {here} AND flags = 0;"
    )
