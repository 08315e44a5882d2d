"""Contacts, their notes, and what was changed of both (core/contacts.py). SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from core.contacts import (
    CHANGEABLE,
    MOST_NOTES,
    Change,
    Contact,
    ContactNote,
    ContactQuery,
    Put,
    source_key_name,
)
from core.errors import NotFound, UserError
from core.sqlite import customers
from core.sqlite.tombs import is_buried

BY_SIGNATURE = "identify"
"""Who has given a contact to the customer that its visit turned out to be of: the site, by its signature."""

_FIELDS = (
    "id", "channel", "started_ms", "made_ms", "made_by", "customer", "session", "direction", "ended_ms",
    "subject", "outcome", "resolved", "agent", "source", "key", "changed_ms",
)  # fmt: skip
_COLUMNS = ", ".join(_FIELDS)
_NOTE = "id, contact, kind, text, author, made_ms, changed_ms"
_IDS = "(SELECT value FROM json_each(?))"


def put(
    db: sqlite3.Connection, contact: Contact, digest: bytes, notes: Sequence[ContactNote]
) -> tuple[Put, Contact]:
    """Keep *contact* with *notes*, once for its source and key."""
    if contact.key is not None:
        row = db.execute(
            f"SELECT digest, {_COLUMNS} FROM contacts WHERE source = ? AND key = ?",
            (contact.source, contact.key),
        ).fetchone()
        if row is not None:
            return ("duplicate" if row[0] == digest else "conflict"), _contact(row[1:])
    if _is_erased(db, contact):
        return "erased", contact
    contact = _with_session(db, contact)
    db.execute(
        f"INSERT INTO contacts ({_COLUMNS}, digest) VALUES ({', '.join('?' * len(_FIELDS))}, ?)",
        (*(getattr(contact, name) for name in _FIELDS), digest),
    )
    _heard_of(db, contact)
    for note in notes:
        _insert_note(db, note)
    return "stored", contact


def _is_erased(db: sqlite3.Connection, contact: Contact) -> bool:
    """Say whether *contact* was erased, or its customer since it began."""
    if is_buried(db, "contact", contact.id, None, contact.started_ms):
        return True
    whose = contact.customer
    return whose is not None and is_buried(db, "customer", whose, None, contact.started_ms)


def _with_session(db: sqlite3.Connection, contact: Contact) -> Contact:
    """Return *contact* without a session that has gone meanwhile."""
    there = db.execute("SELECT 1 FROM sessions WHERE id = ?", (contact.session,)).fetchone()
    return contact if there else replace(contact, session=None)


def _heard_of(db: sqlite3.Connection, contact: Contact) -> None:
    if contact.customer is not None:
        customers.heard_of(db, contact.customer, contact.started_ms)


def one(db: sqlite3.Connection, id_: str) -> Contact | None:
    """Return the contact of that id."""
    row = db.execute(f"SELECT {_COLUMNS} FROM contacts WHERE id = ?", (id_,)).fetchone()
    return _contact(row) if row else None


def _contact(row: Sequence[Any]) -> Contact:
    values = dict(zip(_FIELDS, row, strict=True))
    return Contact(**{**values, "resolved": bool(values["resolved"])})


def some(db: sqlite3.Connection, query: ContactQuery) -> list[Contact]:
    """Return contacts, newest start first."""
    where, values = _where(query)
    if query.before is not None:
        where, values = f"{where} AND (started_ms, id) < (?, ?)", [*values, *query.before]
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM contacts WHERE {where} ORDER BY started_ms DESC, id DESC LIMIT ?",
        (*values, query.limit),
    )
    return [_contact(row) for row in rows]


def count(db: sqlite3.Connection, query: ContactQuery) -> int:
    """Return how many contacts *query* would list."""
    where, values = _where(query)
    return int(db.execute(f"SELECT count(*) FROM contacts WHERE {where}", values).fetchone()[0])


def _where(query: ContactQuery) -> tuple[str, list[Any]]:
    where: list[str] = ["1"]
    values: list[Any] = []
    # Of one customer there are few: the plus keeps SQLite from going through all of a channel.
    channel = "channel" if query.customer is None else "+channel"
    for column, value in (("customer", query.customer), (channel, query.channel)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    if query.unassigned:
        where.append("customer IS NULL")
    if query.resolved is not None:
        where.append("resolved = ?")
        values.append(query.resolved)
    if query.since_ms is not None:
        where.append("started_ms >= ?")
        values.append(query.since_ms)
    return " AND ".join(where), values


def channels_of(db: sqlite3.Connection, customer: str) -> dict[str, int]:
    """Return how many contacts of a customer came by each channel."""
    rows = db.execute(
        "SELECT channel, count(*) FROM contacts INDEXED BY contacts_by_customer WHERE customer = ?"
        " GROUP BY channel",
        (customer,),
    )
    return dict(rows.fetchall())


def change(
    db: sqlite3.Connection, id_: str, changes: Mapping[str, Any], who: str, at_ms: int
) -> Contact | None:
    """Give fields of a contact other values, each with an entry of what stood there before."""
    before = one(db, id_)
    if before is None:
        return None
    after = replace(before, **{name: changes[name] for name in CHANGEABLE if name in changes})
    if _is_erased(db, after):
        raise UserError("this customer was erased after the contact began")
    after = _with_session(db, after)
    changed = [name for name in CHANGEABLE if name in changes and _differs(before, after, name)]
    if not changed:
        return before
    for name in changed:
        _note_change(
            db, Change(id_, None, who, at_ms, name, getattr(before, name), getattr(after, name))
        )
    told = ", ".join(f"{name} = ?" for name in changed)
    db.execute(
        f"UPDATE contacts SET {told}, changed_ms = ? WHERE id = ?",
        (*(getattr(after, name) for name in changed), at_ms, id_),
    )
    _heard_of(db, after)
    if before.customer not in (None, after.customer):
        customers.prune(db, _json([before.customer or ""]), "[]")
    return one(db, id_)


def claim(
    db: sqlite3.Connection, customer: str, session: str, visitor: str | None, at_ms: int
) -> None:
    """
    Give *customer*, whom *session* named by signature, what is nobody's of the visits that are known to be theirs now.

    Those are contacts by spoken code. One that people took from somebody stays nobody's.
    """
    rows = db.execute(
        # By their visits: of nobody's contacts there may be thousands, and each batch of a signed visit asks this.
        "SELECT c.id, c.session FROM contacts c INDEXED BY contacts_by_session"
        " WHERE c.session IS NOT NULL AND c.customer IS NULL AND c.session IN"
        " (SELECT ? UNION SELECT id FROM sessions WHERE visitor = ?) AND NOT EXISTS"
        " (SELECT 1 FROM contact_changes h WHERE h.contact = c.id AND h.field = 'customer')",
        (session, visitor),
    ).fetchall()
    for id_, linked in rows:
        contact = one(db, id_)
        theirs = customers.of_session(db, linked) == customer
        if contact and theirs and not _is_erased(db, replace(contact, customer=customer)):
            change(db, id_, {"customer": customer}, BY_SIGNATURE, at_ms)


def _differs(before: Contact, after: Contact, name: str) -> bool:
    return bool(getattr(before, name) != getattr(after, name))


def _note_change(db: sqlite3.Connection, change: Change) -> None:
    db.execute(
        "INSERT INTO contact_changes (contact, note, who, at_ms, field, before, after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            change.contact,
            change.note,
            change.who,
            change.at_ms,
            change.field,
            orjson.dumps(change.before).decode(),
            orjson.dumps(change.after).decode(),
        ),
    )


def changes_of(db: sqlite3.Connection, contact: str) -> list[Change]:
    """Return what was changed of a contact and its notes, oldest first."""
    rows = db.execute(
        "SELECT contact, note, who, at_ms, field, before, after FROM contact_changes"
        " WHERE contact = ? ORDER BY no",
        (contact,),
    )
    return [
        Change(contact, note, who, at_ms, field, orjson.loads(before), orjson.loads(after))
        for _, note, who, at_ms, field, before, after in rows
    ]


# Notes


def add_note(db: sqlite3.Connection, note: ContactNote) -> None:
    """Keep *note*. Raise NotFound without its contact, UserError if that has too many."""
    if not db.execute("SELECT 1 FROM contacts WHERE id = ?", (note.contact,)).fetchone():
        raise NotFound(f"there is no contact {note.contact}")
    (there,) = db.execute(
        "SELECT count(*) FROM contact_notes WHERE contact = ?", (note.contact,)
    ).fetchone()
    if there >= MOST_NOTES:
        raise UserError(f"contact {note.contact} has {MOST_NOTES} notes, which is the most")
    _insert_note(db, note)


def _insert_note(db: sqlite3.Connection, note: ContactNote) -> None:
    db.execute(
        f"INSERT INTO contact_notes ({_NOTE}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            note.id,
            note.contact,
            note.kind,
            note.text,
            note.author,
            note.made_ms,
            note.changed_ms,
        ),
    )


def note(db: sqlite3.Connection, id_: str) -> ContactNote | None:
    """Return the note of that id."""
    row = db.execute(f"SELECT {_NOTE} FROM contact_notes WHERE id = ?", (id_,)).fetchone()
    return ContactNote(*row) if row else None


def change_note(
    db: sqlite3.Connection, id_: str, changes: Mapping[str, str], who: str, at_ms: int
) -> ContactNote | None:
    """Give kind or text of a note another value, each with an entry of what stood there before."""
    before = note(db, id_)
    if before is None:
        return None
    for name in ("kind", "text"):
        value = changes.get(name, getattr(before, name))
        if value == getattr(before, name):
            continue
        _note_change(
            db, Change(before.contact, id_, who, at_ms, name, getattr(before, name), value)
        )
        db.execute(
            f"UPDATE contact_notes SET {name} = ?, changed_ms = ? WHERE id = ?", (value, at_ms, id_)
        )
    return note(db, id_)


def notes_of(db: sqlite3.Connection, contacts: Sequence[str]) -> dict[str, list[ContactNote]]:
    """Return the notes of each of *contacts* in the order in which they were made."""
    rows = db.execute(
        f"SELECT {_NOTE} FROM contact_notes WHERE contact IN {_IDS} ORDER BY no",
        (_json(contacts),),
    )
    found: dict[str, list[ContactNote]] = {one: [] for one in contacts}
    for row in rows:
        found[row[1]].append(ContactNote(*row))
    return found


# Going


def ids_of(db: sqlite3.Connection, customer: str) -> list[str]:
    """Return the ids of a customer's contacts."""
    return [row[0] for row in db.execute("SELECT id FROM contacts WHERE customer = ?", (customer,))]


def remove(db: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Remove contacts with their notes and changes; of customers of whom nothing is left no trace stays."""
    told = _json(ids)
    whose = [
        row[0]
        for row in db.execute(
            f"SELECT DISTINCT customer FROM contacts WHERE id IN {_IDS} AND customer IS NOT NULL",
            (told,),
        )
    ]
    for table in ("contact_notes", "contact_changes"):
        db.execute(f"DELETE FROM {table} WHERE contact IN {_IDS}", (told,))
    db.execute(f"DELETE FROM contacts WHERE id IN {_IDS}", (told,))
    customers.prune(db, _json(whose), "[]")


def named_in_changes(db: sqlite3.Connection, field: str) -> set[str]:
    """Return what *field* of a contact (customer or session) was before or after a change."""
    rows = db.execute(
        "SELECT before FROM contact_changes WHERE field = ?1"
        " UNION SELECT after FROM contact_changes WHERE field = ?1",
        (field,),
    )
    return {value for row in rows if (value := orjson.loads(row[0])) is not None}


def rename_in_changes(db: sqlite3.Connection, field: str, names: Mapping[str, str]) -> None:
    """Let other words stand for *names* of erased customers or sessions: contacts of others have named them."""
    for name in named_in_changes(db, field) & names.keys():
        for side in ("before", "after"):
            db.execute(
                f"UPDATE contact_changes SET {side} = ? WHERE field = ? AND {side} = ?",
                (orjson.dumps(names[name]).decode(), field, orjson.dumps(name).decode()),
            )


def drop_old(db: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Remove up to *limit* contacts that began, and were changed last, before."""
    ids = [
        row[0]
        for row in db.execute(
            "SELECT id FROM contacts c WHERE started_ms < ?1 AND coalesce(changed_ms, 0) < ?1"
            " AND NOT EXISTS (SELECT 1 FROM contact_notes n WHERE n.contact = c.id"
            " AND max(n.made_ms, coalesce(n.changed_ms, 0)) >= ?1)"
            " ORDER BY started_ms LIMIT ?2",
            (before_ms, limit),
        )
    ]
    remove(db, ids)
    return len(ids)


# Sources


def add_source(db: sqlite3.Connection, name: str, at_ms: int) -> None:
    """Let contacts come in from the source *name*."""
    if db.execute("SELECT 1 FROM contact_sources WHERE name = ?", (name,)).fetchone():
        raise UserError(f"there is a source '{name}' already")
    db.execute("INSERT INTO contact_sources VALUES (?, ?)", (name, at_ms))


def sources(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return names of sources and when they were made, by name."""
    return db.execute("SELECT name, made_ms FROM contact_sources ORDER BY name").fetchall()


def remove_source(db: sqlite3.Connection, name: str) -> bool:
    """Remove a source with its secret."""
    db.execute("DELETE FROM server_keys WHERE name = ?", (source_key_name(name),))
    return bool(db.execute("DELETE FROM contact_sources WHERE name = ?", (name,)).rowcount)


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
