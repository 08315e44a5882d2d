"""Flags, scores and the detector's checkpoint: written in one transaction, read by all."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from core.model import (
    SEVERITIES,
    Evidence,
    Flag,
    RuleVersion,
    Score,
    ScoreTerm,
    Verdicts,
)
from core.sqlite import triage
from core.sqlite.lists import site_key
from core.sqlite.search_index import mark_due
from core.struggles import struggle_key

CHECKPOINT = "checkpoint"
OFF = "off"
"""Stands in the history where a rule ceased to be in force: switched off, or its file removed."""


def checkpoint(db: sqlite3.Connection) -> int:
    """Return the position up to which every batch has been judged."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (CHECKPOINT,)).fetchone()
    return int(row[0]) if row else 0


def commit(db: sqlite3.Connection, verdicts: Sequence[Verdicts]) -> None:
    """Write *verdicts* in the open transaction. What is already so changes nothing."""
    for verdict in verdicts:
        for flag in verdict.flags:
            _put(db, flag)
            triage.note_return(db, flag, struggle_key(flag))
        if verdict.replace:
            triage.unnote_returns(db, _withdraw_others(db, verdict))
        if verdict.flags or verdict.replace:
            _summarise(db, verdict.session)
        if verdict.score is not None:
            _put_score(db, verdict.session, verdict.score)
        if verdict.final:
            db.execute("UPDATE sessions SET judged = 1 WHERE id = ?", (verdict.session,))
        if verdict.truncated:
            _note_truncated(db, verdict)
        if verdict.session:
            mark_due(db, verdict.session, ended=verdict.final)
    position = max((verdict.position for verdict in verdicts), default=0)
    if position:
        db.execute(
            "INSERT INTO meta VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (CHECKPOINT, position),
        )


def flags(db: sqlite3.Connection, session: str, withdrawn: bool) -> list[Flag]:
    """Return the flags of *session* by at_ms."""
    rows = db.execute(
        "SELECT data, withdrawn FROM flags WHERE session = ? AND (withdrawn IS NULL OR ?)"
        " ORDER BY at_ms, id",
        (session, withdrawn),
    )
    return [flag_of(*row) for row in rows]


def put_in_force(
    db: sqlite3.Connection, versions: Sequence[RuleVersion], files: Mapping[str, str]
) -> None:
    """Note which *versions* are in force from now on, and keep the own *files* they came from."""
    latest = {
        rule: (version, source)
        for rule, version, source in db.execute(
            "SELECT rule, version, source FROM rule_versions v"
            " WHERE id = (SELECT max(id) FROM rule_versions WHERE rule = v.rule)"
        )
    }
    new = [one for one in versions if latest.get(one.rule) != (one.version, one.source)]
    if versions:
        here = {one.rule for one in versions}
        gone = (r for r, (version, _) in latest.items() if r not in here and version != OFF)
        new += [replace(versions[0], rule=rule, version=OFF, source="") for rule in gone]
    db.executemany(
        "INSERT INTO rule_versions (rule, version, source, at_ms, author, reason)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(v.rule, v.version, v.source, v.at_ms, v.author, v.reason) for v in new],
    )
    db.execute("DELETE FROM rule_files")
    db.executemany("INSERT INTO rule_files VALUES (?, ?)", files.items())


def rule_versions(db: sqlite3.Connection, rule: str) -> list[RuleVersion]:
    """Return the versions of *rule* that came in force, newest first."""
    rows = db.execute(
        "SELECT rule, version, source, at_ms, author, reason FROM rule_versions"
        " WHERE rule = ? ORDER BY id DESC",
        (rule,),
    )
    return [RuleVersion(*row) for row in rows]


def rule_files(db: sqlite3.Connection) -> dict[str, str]:
    """Return the own files that were last in force, name to text."""
    return dict(db.execute("SELECT name, text FROM rule_files ORDER BY name"))


def rule_uses(
    db: sqlite3.Connection, since_ms: int, site: str | None
) -> tuple[dict[str, tuple[int, int]], int]:
    """Return flags and sessions per rule in sessions begun since *since_ms*, and all sessions."""
    source = "FROM sessions s INDEXED BY sessions_by_start WHERE"
    values: tuple[str | int, ...] = ()
    if site:
        source = "FROM sessions s INDEXED BY sessions_by_site WHERE s.site = ? AND"
        values = (site_key(db, site),)
    source += " s.started_ms >= ? AND NOT s.canary"
    values = (*values, since_ms)
    flags, sessions = Counter[str](), Counter[str]()
    last: dict[str, str] = {}
    for rule, session in db.execute(
        "SELECT f.rule, f.session FROM"
        f" (SELECT s.id {source} AND s.flags > 0) i CROSS JOIN flags f INDEXED BY flags_of_session"
        " ON f.session = i.id WHERE f.withdrawn IS NULL",
        values,
    ):
        flags[rule] += 1
        if last.get(rule) != session:  # a session's flags come together
            last[rule] = session
            sessions[rule] += 1
    total = db.execute(f"SELECT count(*) {source}", values).fetchone()[0]
    return {rule: (count, sessions[rule]) for rule, count in flags.items()}, int(total)


def score(db: sqlite3.Connection, session: str) -> Score | None:
    """Return the score of *session* with its terms."""
    row = db.execute(
        "SELECT score, points, terms FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return Score(row[0], row[1], tuple(ScoreTerm(**term) for term in orjson.loads(row[2])))


def _put(db: sqlite3.Connection, flag: Flag) -> None:
    db.execute(
        # The flags of a test are part of no struggle.
        "INSERT INTO flags (id, session, site, rule, severity, at_ms, withdrawn, struggle, data, who)"
        " SELECT ?, ?, ?, ?, ?, ?, ?, CASE WHEN canary THEN '' ELSE ? END, ?, coalesce(visitor, id)"
        " FROM sessions WHERE id = ?"
        " ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, at_ms = excluded.at_ms,"
        " withdrawn = excluded.withdrawn, struggle = excluded.struggle, data = excluded.data",
        (
            flag.id,
            flag.session,
            flag.site,
            flag.rule,
            SEVERITIES.index(flag.severity),
            flag.at_ms,
            flag.withdrawn,
            struggle_key(flag),
            orjson.dumps(flag),
            flag.session,
        ),
    )


def _withdraw_others(db: sqlite3.Connection, verdict: Verdicts) -> list[str]:
    """Withdraw the session's other flags; return the struggles that they were of."""
    kept = orjson.dumps([flag.id for flag in verdict.flags]).decode()
    rows = db.execute(
        "UPDATE flags SET withdrawn = ? WHERE session = ? AND withdrawn IS NULL"
        " AND id NOT IN (SELECT value FROM json_each(?)) RETURNING struggle",
        (verdict.reason or "a later judgement did not repeat it", verdict.session, kept),
    )
    return [row[0] for row in rows.fetchall()]


def _summarise(db: sqlite3.Connection, session: str) -> None:
    """Bring what the session's row says of its flags up to date."""
    rows = db.execute(
        "SELECT rule, max(severity), count(*) FROM flags"
        " WHERE session = ? AND withdrawn IS NULL GROUP BY rule ORDER BY 2 DESC, min(at_ms), rule",
        (session,),
    ).fetchall()
    db.execute(
        "UPDATE sessions SET flags = ?, top_severity = ?, rules = ? WHERE id = ?",
        (
            sum(row[2] for row in rows),
            rows[0][1] if rows else None,
            orjson.dumps([row[0] for row in rows]).decode(),
            session,
        ),
    )


def _put_score(db: sqlite3.Connection, session: str, score: Score) -> None:
    terms = orjson.dumps(score.terms).decode()
    db.execute(
        "UPDATE sessions SET score = ?1, rank = ?1, points = ?2, terms = ?3 WHERE id = ?4",
        (score.value, score.points, terms, session),
    )


def _note_truncated(db: sqlite3.Connection, verdict: Verdicts) -> None:
    row = db.execute("SELECT truncated FROM sessions WHERE id = ?", (verdict.session,)).fetchone()
    if row is not None:
        names = sorted({*orjson.loads(row[0]), *verdict.truncated})
        db.execute(
            "UPDATE sessions SET truncated = ? WHERE id = ?",
            (orjson.dumps(names).decode(), verdict.session),
        )


def flag_of(data: bytes, withdrawn: str | None) -> Flag:
    """Return the flag whose row holds *data*."""
    raw = orjson.loads(data)
    raw["evidence"] = tuple(Evidence(**item) for item in raw["evidence"])
    raw["withdrawn"] = withdrawn
    return Flag(**raw)
