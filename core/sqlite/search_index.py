"""
Writes the index by which sessions are found (core/search.py). SQL only.

Owns its tables: `searched` numbers sessions and keeps what stands for each, so that it can be taken out again;
`search_terms` and `search_bits` have the numbers by field and value, `search_text` the words (SQLite's FTS5, without
a copy of the texts), `search_due` the sessions that are to be indexed.
"""

from __future__ import annotations

import array
import sqlite3
import sys
import zlib
from collections.abc import Iterable, Sequence

import orjson

from core.search import Document, Due, folded
from core.sqlite import bits, efforts, fixes, form_uses, sights, walks
from core.sqlite.rows import SESSION_COLUMNS, SESSION_FROM, session_from

DAY_MS = 86_400_000
SITE, DAY = "site", "day"
"""Fields of ours that each session has one value of: a site's key, and the day (UTC) it began."""

MERGE_PAGES = 200
"""Pages of the words that are merged at a time: some milliseconds, in which nobody else writes."""


# What is due


def mark_due(db: sqlite3.Connection, session: str, *, ended: bool) -> None:
    """Note that *session* was judged. One that runs waits for its turn, so that it is not read at every press."""
    db.execute(
        "INSERT INTO search_due VALUES (?1, 1, 0, CASE WHEN ?2 THEN 0"
        " ELSE coalesce((SELECT again_ms FROM searched WHERE session = ?1), 0) END)"
        " ON CONFLICT (session) DO UPDATE SET mark = mark + 1, old = 0, turn = min(turn, excluded.turn)",
        (session, ended),
    )


def mark_all_due(db: sqlite3.Connection) -> None:
    """Let the index be made anew of all sessions, newest first."""
    db.execute(
        "INSERT OR REPLACE INTO search_due SELECT id, 1, 1, -started_ms FROM sessions WHERE NOT canary"
    )


def due(db: sqlite3.Connection, now_ms: int, limit: int) -> list[Due]:
    """Return up to *limit* sessions whose turn it is at *now_ms*: judged of late, then older ones."""
    found: list[Due] = []
    for old, upto in ((0, now_ms), (1, 0)):
        rows = db.execute(
            f"SELECT {SESSION_COLUMNS}, d.mark FROM (SELECT session, mark FROM search_due"
            " INDEXED BY search_due_by_turn WHERE old = ? AND turn <= ? ORDER BY turn LIMIT ?) d"
            f" CROSS JOIN {SESSION_FROM} WHERE s.id = d.session",
            (old, upto, limit - len(found)),
        )
        found += [Due(session_from(row[:-1]), row[-1]) for row in rows]
    return found


def unindexed(db: sqlite3.Connection) -> int:
    """Return how many older sessions wait to be indexed."""
    return int(db.execute("SELECT count(*) FROM search_due WHERE old").fetchone()[0])


# The index


def put(db: sqlite3.Connection, documents: Iterable[Document], done: Iterable[Due]) -> None:
    """Let *documents* stand for their sessions; what is *done* is due no longer."""
    changes = _Changes(db)
    for document in documents:
        there = db.execute(
            "SELECT 1 FROM sessions WHERE id = ? AND NOT canary", (document.session,)
        ).fetchone()
        if there is not None:
            _put(db, document, changes)
    changes.write()
    db.executemany(
        "DELETE FROM search_due WHERE session = ? AND mark = ?",
        [(one.session.id, one.mark) for one in done],
    )


def forget(db: sqlite3.Connection, sessions: Sequence[str]) -> None:
    """Take *sessions* out of the index. Words of theirs are left in its remains until merge() has been through."""
    told = orjson.dumps(list(sessions)).decode()
    changes = _Changes(db)
    for no, terms, text in db.execute(
        "SELECT no, terms, text FROM searched WHERE session IN (SELECT value FROM json_each(?))",
        (told,),
    ).fetchall():
        for term in _ids(terms):
            changes.take(term, no)
        _drop_text(db, no, text)
        walks.put(db, no, ())
        sights.put(db, no, ())
        efforts.put(db, no, ())
        form_uses.put(db, no, ())
    changes.write()
    for table in ("searched", "search_due"):
        db.execute(
            f"DELETE FROM {table} WHERE session IN (SELECT value FROM json_each(?))", (told,)
        )
    fixes.forget_unseen(db)


def merge(db: sqlite3.Connection, *, begin: bool) -> bool:
    """
    Bring some of the words together, so that nothing is left of those that were taken out; say whether there is more.

    SQLite keeps what was deleted of a word until the piece of the index that it stands in is merged with newer ones.
    """
    before = db.total_changes
    db.execute(
        "INSERT INTO search_text (search_text, rank) VALUES ('merge', ?)",
        (-MERGE_PAGES if begin else MERGE_PAGES,),
    )
    return db.total_changes - before > 1


def measure_anew(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Let the sessions of *numbers* be found by their efforts as they are measured by now."""
    changes = _Changes(db)
    for no in numbers:
        row = db.execute("SELECT terms FROM searched WHERE no = ?", (no,)).fetchone()
        if row is None:  # it went meanwhile
            continue
        before = set(_ids(row[0]))
        told = db.execute(
            "SELECT id FROM search_terms WHERE field = ? AND id IN (SELECT value FROM json_each(?))",
            (efforts.FIELD, orjson.dumps([*before]).decode()),
        )
        old = {id_ for (id_,) in told}
        new = {changes.term(efforts.FIELD, value) for value in efforts.values(db, no)}
        if new == old:
            continue
        db.execute("UPDATE searched SET terms = ? WHERE no = ?", (_blob(before - old | new), no))
        for term in new - old:
            changes.add(term, no)
        for term in old - new:
            changes.take(term, no)
    changes.write()


def _put(db: sqlite3.Connection, document: Document, changes: _Changes) -> None:
    wanted = {
        changes.term(name, value)
        for name, value in (
            *document.terms,
            (SITE, document.site),
            (DAY, str(document.started_ms // DAY_MS)),
        )
    }
    words = folded(document.text)
    text = zlib.compress(words.encode(), 6)
    known = db.execute(
        "SELECT no, terms, text FROM searched WHERE session = ?", (document.session,)
    ).fetchone()
    facts = (document.started_ms, document.score, document.again_ms, text)
    if known is None:
        no = db.execute(
            "INSERT INTO searched (session, started_ms, rank, again_ms, text, terms)"
            " VALUES (?, ?, ?, ?, ?, x'')",
            (document.session, *facts),
        ).lastrowid
        assert no is not None
        before: set[int] = set()
    else:
        no, before = known[0], set(_ids(known[1]))
        if known[2] != text:
            _drop_text(db, no, known[2])
    walks.put(db, no, document.walks)
    efforts.put(db, no, document.works)
    fixes.note_seen(db, document.site, document.started_ms, document.terms)
    sights.put(db, no, document.sights)
    wanted |= {changes.term(efforts.FIELD, value) for value in efforts.values(db, no)}
    db.execute(
        "UPDATE searched SET started_ms = ?, rank = ?, again_ms = ?, text = ?, terms = ? WHERE no = ?",
        (*facts, _blob(wanted), no),
    )
    form_uses.put(db, no, document.forms)
    for term in wanted - before:
        changes.add(term, no)
    for term in before - wanted:
        changes.take(term, no)
    if known is None or known[2] != text:
        db.execute("INSERT INTO search_text (rowid, text) VALUES (?, ?)", (no, words))


def _drop_text(db: sqlite3.Connection, no: int, text: bytes) -> None:
    db.execute(
        "INSERT INTO search_text (search_text, rowid, text) VALUES ('delete', ?, ?)",
        (no, zlib.decompress(text).decode()),
    )


class _Changes:
    """What is to be changed of the bits, gathered: each block is read and written once."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._terms: dict[tuple[str, str], int] = {}
        self._added: dict[tuple[int, int], list[int]] = {}
        self._taken: dict[tuple[int, int], list[int]] = {}

    def term(self, name: str, value: str) -> int:
        """Return the id of a field's value; a new one is made."""
        known = self._terms.get((name, value))
        if known is None:
            self._db.execute(
                "INSERT OR IGNORE INTO search_terms (field, value, sessions) VALUES (?, ?, 0)",
                (name, value),
            )
            row = self._db.execute(
                "SELECT id FROM search_terms WHERE field = ? AND value = ?", (name, value)
            ).fetchone()
            known = self._terms[name, value] = int(row[0])
        return known

    def add(self, term: int, no: int) -> None:
        """Have *no* among the sessions of *term*."""
        self._added.setdefault((term, no // bits.BLOCK), []).append(no % bits.BLOCK)

    def take(self, term: int, no: int) -> None:
        """Have *no* among them no longer."""
        self._taken.setdefault((term, no // bits.BLOCK), []).append(no % bits.BLOCK)

    def write(self) -> None:
        """Write all of it."""
        counts: dict[int, int] = {}
        for key in {**self._added, **self._taken}:
            row = self._db.execute(
                "SELECT bits FROM search_bits WHERE term = ? AND block = ?", key
            ).fetchone()
            before = bits.unpacked(row[0]) if row else 0
            after = before & ~bits.of(self._taken.get(key, ())) | bits.of(self._added.get(key, ()))
            if after:
                self._db.execute(
                    "INSERT OR REPLACE INTO search_bits VALUES (?, ?, ?)",
                    (*key, bits.packed(after)),
                )
            elif row:
                self._db.execute("DELETE FROM search_bits WHERE term = ? AND block = ?", key)
            counts[key[0]] = counts.get(key[0], 0) + after.bit_count() - before.bit_count()
        self._db.executemany(
            "UPDATE search_terms SET sessions = sessions + ? WHERE id = ?",
            [(more, term) for term, more in counts.items() if more],
        )
        # A path or a name that only the erased had is itself something of them.
        self._db.executemany(
            "DELETE FROM search_terms WHERE id = ? AND sessions = 0",
            [(term,) for term, more in counts.items() if more < 0],
        )


def _blob(terms: Iterable[int]) -> bytes:
    return b"".join(term.to_bytes(4, "little") for term in sorted(terms))


def _ids(content: bytes) -> Sequence[int]:
    ids = array.array("I", content)
    if sys.byteorder == "big":
        ids.byteswap()
    return ids
