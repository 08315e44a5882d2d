"""Sites, the server's keys, users, their sign-ins, tokens, audit."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from typing import Any

import orjson

from core.errors import NotFound, UserError
from core.model import Audited, Site, Token, User
from core.site_options import SiteOptions

KEY_BYTES = 32


def add_site(db: sqlite3.Connection, site: Site) -> None:
    """Store *site*. Raise UserError if its name or key is taken."""
    try:
        db.execute(
            "INSERT INTO sites VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                site.key,
                site.name,
                orjson.dumps(site.origins).decode(),
                site.mode,
                site.privacy,
                site.idle_timeout_ms,
                site.created_ms,
                orjson.dumps(site.options.to_json()).decode(),
            ),
        )
    except sqlite3.IntegrityError:
        raise UserError(
            f"there is a site '{site.name}' (or with the key {site.key}) already"
        ) from None


def site(db: sqlite3.Connection, key_or_name: str) -> Site | None:
    """Return the site with that key or, failing that, name."""
    row = db.execute(
        "SELECT * FROM sites WHERE key = ?1 OR name = ?1 ORDER BY key = ?1 DESC LIMIT 1",
        (key_or_name,),
    ).fetchone()
    return _site(row) if row else None


def set_options(db: sqlite3.Connection, key: str, options: SiteOptions) -> None:
    """Replace the options of the site with that key. Raise NotFound if there is none."""
    text = orjson.dumps(options.to_json()).decode()
    if not db.execute("UPDATE sites SET options = ? WHERE key = ?", (text, key)).rowcount:
        raise NotFound(f"there is no site with the key {key}")


def change_options(
    db: sqlite3.Connection, key: str, change: Callable[[SiteOptions], SiteOptions]
) -> SiteOptions:
    """Replace the options of the site with that key by what *change* makes of them, and return that."""
    row = db.execute("SELECT options FROM sites WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise NotFound(f"there is no site with the key {key}")
    options = change(SiteOptions.from_json(orjson.loads(row[0])))
    set_options(db, key, options)
    return options


def sites(db: sqlite3.Connection) -> list[Site]:
    """Return all sites, by name."""
    return [_site(row) for row in db.execute("SELECT * FROM sites ORDER BY name")]


def server_key(db: sqlite3.Connection, name: str) -> bytes | None:
    """Return the key kept under *name*, if there is one."""
    row = db.execute("SELECT value FROM server_keys WHERE name = ?", (name,)).fetchone()
    return bytes(row[0]) if row else None


def make_server_key(db: sqlite3.Connection, name: str) -> bytes:
    """Return the key kept under *name*; make it if there is none."""
    db.execute(
        "INSERT OR IGNORE INTO server_keys VALUES (?, ?)", (name, secrets.token_bytes(KEY_BYTES))
    )
    key = server_key(db, name)
    assert key is not None
    return key


def add_user(db: sqlite3.Connection, user: User) -> None:
    """Store or replace *user*."""
    db.execute(
        "INSERT OR REPLACE INTO users VALUES (?, ?, ?)", (user.name, user.role, user.password_hash)
    )


def user(db: sqlite3.Connection, name: str) -> User | None:
    """Return the user of that name."""
    row = db.execute(
        "SELECT name, role, password_hash FROM users WHERE name = ?", (name,)
    ).fetchone()
    return User(*row) if row else None


def users(db: sqlite3.Connection) -> list[User]:
    """Return all users, by name."""
    rows = db.execute("SELECT name, role, password_hash FROM users ORDER BY name")
    return [User(*row) for row in rows]


def remove_user(db: sqlite3.Connection, name: str) -> bool:
    """Remove the user of that name; return whether there was one."""
    db.execute("DELETE FROM watched WHERE user = ?", (name,))
    db.execute("DELETE FROM saved_segments WHERE maker = ? AND NOT shared", (name,))
    return bool(db.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount)


def tokens(db: sqlite3.Connection) -> list[Token]:
    """Return all tokens, oldest first."""
    rows = db.execute("SELECT id, scope, created_ms, hash FROM tokens ORDER BY created_ms, id")
    return [Token(*row) for row in rows]


def remove_token(db: sqlite3.Connection, id_: str) -> bool:
    """Remove the token of that id; return whether there was one."""
    return bool(db.execute("DELETE FROM tokens WHERE id = ?", (id_,)).rowcount)


def audited(db: sqlite3.Connection, limit: int, before: int | None) -> list[Audited]:
    """Return up to *limit* entries of the audit log, newest first, numbered lower than *before*."""
    rows = db.execute(
        "SELECT rowid, at_ms, who, action, subject FROM audit WHERE rowid < ? ORDER BY rowid DESC LIMIT ?",
        (1 << 62 if before is None else before, limit),
    )
    return [Audited(*row) for row in rows]


def add_token(db: sqlite3.Connection, token: Token) -> None:
    """Store *token*."""
    db.execute(
        "INSERT INTO tokens VALUES (?, ?, ?, ?)",
        (token.id, token.scope, token.created_ms, token.hash),
    )


def token(db: sqlite3.Connection, hash_: bytes) -> Token | None:
    """Return the token with that hash."""
    row = db.execute(
        "SELECT id, scope, created_ms, hash FROM tokens WHERE hash = ?", (hash_,)
    ).fetchone()
    return Token(*row) if row else None


def add_sign_in(db: sqlite3.Connection, hash_: bytes, at_ms: int, until_ms: int) -> None:
    """Keep a sign-in; drop those that ran out before *at_ms*."""
    db.execute("DELETE FROM sign_ins WHERE until_ms <= ?", (at_ms,))
    db.execute("INSERT INTO sign_ins VALUES (?, ?, ?)", (hash_, at_ms, until_ms))


def sign_in_used(db: sqlite3.Connection, hash_: bytes) -> int | None:
    """Return when the sign-in was used last; None if it is not kept."""
    row = db.execute("SELECT used_ms FROM sign_ins WHERE hash = ?", (hash_,)).fetchone()
    return int(row[0]) if row else None


def use_sign_in(db: sqlite3.Connection, hash_: bytes, at_ms: int) -> None:
    """Note that the sign-in was used at *at_ms*, if it is kept."""
    db.execute("UPDATE sign_ins SET used_ms = max(used_ms, ?) WHERE hash = ?", (at_ms, hash_))


def remove_sign_in(db: sqlite3.Connection, hash_: bytes) -> None:
    """Remove the sign-in."""
    db.execute("DELETE FROM sign_ins WHERE hash = ?", (hash_,))


def audit(db: sqlite3.Connection, at_ms: int, who: str, action: str, subject: str) -> None:
    """Note that *who* did *action* on *subject*."""
    db.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", (at_ms, who, action, subject))


def _site(row: tuple[Any, ...]) -> Site:
    key, name, origins, mode, privacy, idle_timeout_ms, created_ms, options = row
    return Site(
        key,
        name,
        tuple(orjson.loads(origins)),
        mode,
        privacy,
        idle_timeout_ms,
        created_ms,
        SiteOptions.from_json(orjson.loads(options)),
    )
