"""
The tables, as named migrations. How a database is opened and brought up to date: schema.py.

A migration that has been released is never edited; a change is a new one.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from core.sqlite.counters import MARKS, count_struggles
from core.sqlite.tables import DESK, FIRST, SEARCH

migrations = Migrations("stolper")


@migrations()
def m001_first(db: Database) -> None:
    """Make the tables of the first release."""
    for statement in FIRST.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m002_judged(db: Database) -> None:
    """Note which ended sessions still wait for their final verdict."""
    db.execute("ALTER TABLE sessions ADD COLUMN judged INTEGER NOT NULL DEFAULT 1")
    db.execute("CREATE INDEX sessions_unjudged ON sessions (started_ms) WHERE judged = 0")


@migrations()
def m003_closed(db: Database) -> None:
    """Note when a session was closed, by the server's clock: its end is that of its last event."""
    db.execute("ALTER TABLE sessions ADD COLUMN closed_ms INTEGER")


@migrations()
def m004_score(db: Database) -> None:
    """Keep how much struggle a session shows, and the terms of that."""
    db.execute("ALTER TABLE sessions ADD COLUMN score INTEGER")
    db.execute("ALTER TABLE sessions ADD COLUMN points REAL")
    db.execute("ALTER TABLE sessions ADD COLUMN terms TEXT")
    db.execute("CREATE INDEX sessions_by_score ON sessions (score, started_ms)")


@migrations()
def m005_versions(db: Database) -> None:
    """Note who put a version of a rule in force, and why; the same version may come back."""
    db.execute("ALTER TABLE rule_versions RENAME TO rule_versions_1")
    db.execute(
        "CREATE TABLE rule_versions (id INTEGER PRIMARY KEY, rule TEXT NOT NULL,"
        " version TEXT NOT NULL, source TEXT NOT NULL, at_ms INTEGER NOT NULL,"
        " author TEXT NOT NULL, reason TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX rule_versions_by_rule ON rule_versions (rule, id)")
    db.execute(
        "INSERT INTO rule_versions (rule, version, source, at_ms, author, reason)"
        " SELECT rule, version, source, at_ms, '', '' FROM rule_versions_1 ORDER BY at_ms"
    )
    db.execute("DROP TABLE rule_versions_1")
    db.execute("CREATE TABLE rule_files (name TEXT PRIMARY KEY, text TEXT NOT NULL)")


@migrations()
def m006_site_options(db: Database) -> None:
    """Keep what an owner sets for a site beside its mode and preset."""
    db.execute("ALTER TABLE sites ADD COLUMN options TEXT NOT NULL DEFAULT '{}'")


@migrations()
def m007_assets(db: Database) -> None:
    """Keep style sheets, fonts and images once per site; note which sessions need which."""
    db.execute(
        "CREATE TABLE assets (site TEXT NOT NULL, hash TEXT NOT NULL, kind TEXT NOT NULL,"
        " media TEXT NOT NULL, bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
        " used_ms INTEGER NOT NULL, uses INTEGER NOT NULL, PRIMARY KEY (site, hash)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE asset_uses (session TEXT NOT NULL, site TEXT NOT NULL, hash TEXT NOT NULL,"
        " PRIMARY KEY (session, hash)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX asset_uses_by_asset ON asset_uses (site, hash)")
    db.execute("CREATE TABLE assets_full (site TEXT PRIMARY KEY, full_ms INTEGER NOT NULL)")


@migrations()
def m008_health(db: Database) -> None:
    """Count what arrives and what does not; note which pages' ends are known. Of old ones nobody knows."""
    db.execute(
        "CREATE TABLE health (site TEXT NOT NULL, day INTEGER NOT NULL, what TEXT NOT NULL,"
        " detail TEXT NOT NULL, count INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
        " PRIMARY KEY (site, day, what, detail)) WITHOUT ROWID"
    )
    db.execute("ALTER TABLE page_loads ADD COLUMN farewell INTEGER NOT NULL DEFAULT 1")


@migrations()
def m009_sealed(db: Database) -> None:
    """Keep finished sessions' recordings as objects of their own; those of old releases wait for it."""
    db.execute("ALTER TABLE sessions ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX sessions_unsealed ON sessions (ended_ms) WHERE sealed <> 1")
    db.execute(
        "CREATE TABLE sealed (session TEXT PRIMARY KEY, name TEXT NOT NULL, upto INTEGER NOT NULL,"
        " bytes INTEGER NOT NULL, received INTEGER NOT NULL, sealed_ms INTEGER NOT NULL, stock TEXT) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX sealed_by_stock ON sealed (stock) WHERE stock IS NOT NULL")
    db.execute(
        "CREATE TABLE stocks (id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL,"
        " bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL)"
    )
    db.execute("CREATE INDEX stocks_by_site ON stocks (site, id)")


@migrations()
def m010_canary(db: Database) -> None:
    """Mark the sessions of `stolper doctor`; the indexes know them, so that counting needs no rows."""
    db.execute("ALTER TABLE sessions ADD COLUMN canary INTEGER NOT NULL DEFAULT 0")
    for name, columns in (("start", "started_ms"), ("site", "site, started_ms")):
        db.execute(f"DROP INDEX sessions_by_{name}")
        db.execute(f"CREATE INDEX sessions_by_{name} ON sessions ({columns}, canary)")


@migrations()
def m011_erasing(db: Database) -> None:
    """Keep what stands for the erased, and what is still to be overwritten; find people and what is old."""
    db.execute(
        "CREATE TABLE tombstones (hash BLOB PRIMARY KEY, kind TEXT NOT NULL, at_ms INTEGER NOT NULL)"
        " WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE erasing (id INTEGER PRIMARY KEY, path TEXT NOT NULL, offset INTEGER NOT NULL,"
        " length INTEGER)"
    )
    db.execute(
        "CREATE INDEX sessions_by_customer ON sessions"
        " (CASE WHEN json_valid(identity) THEN json_extract(identity, '$.id') END)"
        " WHERE identity IS NOT NULL"
    )
    db.execute("CREATE INDEX sessions_by_visitor ON sessions (visitor) WHERE visitor IS NOT NULL")
    db.execute(
        "CREATE INDEX sessions_by_age ON sessions (site, coalesce(closed_ms, ended_ms))"
        " WHERE ended_ms IS NOT NULL"
    )


@migrations()
def m012_scale(db: Database) -> None:
    """
    Keep lists, counts and struggles quick however much is stored.

    The indexes hold what lists filter by, so that rows are read of what is shown alone; what is
    summed up over all sessions is counted as flags come and go (`struggle_hours`).
    """
    db.execute("ALTER TABLE sessions ADD COLUMN rank INTEGER NOT NULL DEFAULT -1")
    db.execute("UPDATE sessions SET rank = score WHERE score IS NOT NULL")
    db.execute("ALTER TABLE sessions ADD COLUMN marks INTEGER NOT NULL DEFAULT 0")
    db.execute(f"UPDATE sessions AS s SET marks = {MARKS}")
    for name, columns in (
        ("start", "started_ms, id, canary, flags, score"),
        ("site", "site, started_ms, id, canary, flags, score, marks"),
        ("score", "rank, started_ms, id, canary, flags"),
        ("site_score", "site, rank, started_ms, id, canary, flags"),
    ):
        db.execute(f"DROP INDEX IF EXISTS sessions_by_{name}")
        db.execute(f"CREATE INDEX sessions_by_{name} ON sessions ({columns})")
    db.execute("DROP INDEX flags_by_struggle")
    for name, columns in (
        ("struggle", "struggle, session, at_ms"),
        ("severity", "struggle, severity, at_ms"),
        ("time", "at_ms, struggle, session"),
        ("last", "struggle, at_ms"),
    ):
        db.execute(
            f"CREATE INDEX flags_by_{name} ON flags ({columns})"
            " WHERE withdrawn IS NULL AND struggle <> ''"
        )
    db.execute("CREATE INDEX flags_of_session ON flags (session, rule) WHERE withdrawn IS NULL")
    db.execute("CREATE INDEX sessions_canary ON sessions (id) WHERE canary")
    count_struggles(db)


@migrations()
def m013_marked(db: Database) -> None:
    """Find the few sessions that recording health has something to say of without a look at the others."""
    db.execute(
        "CREATE INDEX sessions_marked ON sessions (site, started_ms, id, canary, marks)"
        " WHERE marks <> 0"
    )


@migrations()
def m014_sign_ins(db: Database) -> None:
    """Keep who is signed in, by the hash of the sign-in's id: sign-outs outlive a restart, and idle ones end."""
    db.execute(
        "CREATE TABLE sign_ins (hash BLOB PRIMARY KEY, used_ms INTEGER NOT NULL,"
        " until_ms INTEGER NOT NULL) WITHOUT ROWID"
    )


@migrations()
def m015_readers(db: Database) -> None:
    """Keep notes at sessions, and who has seen which: both go with their session, so by it, too."""
    db.execute(
        "CREATE TABLE notes (id TEXT PRIMARY KEY, session TEXT NOT NULL, at_ms REAL NOT NULL,"
        " author TEXT NOT NULL, text TEXT NOT NULL, made_ms INTEGER NOT NULL, changed_ms INTEGER)"
    )
    db.execute("CREATE INDEX notes_by_session ON notes (session, at_ms)")
    db.execute(
        "CREATE TABLE watched (user TEXT NOT NULL, session TEXT NOT NULL, at_ms INTEGER NOT NULL,"
        " PRIMARY KEY (user, session)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX watched_by_session ON watched (session)")


@migrations()
def m016_source_maps(db: Database) -> None:
    """Keep source maps, compressed, by site, release and the script's name."""
    db.execute(
        "CREATE TABLE source_maps (site TEXT NOT NULL, release TEXT NOT NULL, name TEXT NOT NULL,"
        " made_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, content BLOB NOT NULL)"
    )
    db.execute("CREATE UNIQUE INDEX source_maps_by_name ON source_maps (site, release, name)")


@migrations()
def m017_triage(db: Database) -> None:
    """
    Keep what people say of struggles: state, owner, due review, notes, and the history of all that.

    Each flag knows whose it is (a visitor, or else the session): so it is counted in an index how many a
    struggle meets.
    """
    db.execute(
        "CREATE TABLE triage (struggle TEXT PRIMARY KEY, state TEXT NOT NULL, state_ms INTEGER,"
        " state_by TEXT NOT NULL, release TEXT NOT NULL, reason TEXT NOT NULL, owner TEXT NOT NULL,"
        " due TEXT NOT NULL, reviewed_ms INTEGER, reviewed_by TEXT NOT NULL, resolved_ms INTEGER,"
        " releases TEXT NOT NULL, touched_ms INTEGER NOT NULL) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE triage_history (id INTEGER PRIMARY KEY AUTOINCREMENT, struggle TEXT NOT NULL,"
        " at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL,"
        " after TEXT NOT NULL, detail TEXT NOT NULL, edited_ms INTEGER)"
    )
    db.execute("CREATE INDEX triage_history_of ON triage_history (struggle, id)")
    db.execute("ALTER TABLE flags ADD COLUMN who TEXT NOT NULL DEFAULT ''")
    db.execute(
        "UPDATE flags SET who ="
        " coalesce((SELECT coalesce(visitor, id) FROM sessions WHERE id = flags.session), session)"
    )
    db.execute(
        "CREATE INDEX flags_by_who ON flags (struggle, who, at_ms)"
        " WHERE withdrawn IS NULL AND struggle <> ''"
    )
    db.execute(
        "CREATE TRIGGER sessions_visitor AFTER UPDATE OF visitor ON sessions"
        " WHEN OLD.visitor IS NOT NEW.visitor"
        " BEGIN UPDATE flags SET who = coalesce(NEW.visitor, NEW.id) WHERE session = NEW.id; END"
    )


@migrations()
def m018_search(db: Database) -> None:
    """
    Keep an index by which sessions are found: their numbers by field and value, and their words.

    What is stored already is due: the server indexes it in the background, newest first.
    """
    for statement in SEARCH.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute("INSERT INTO search_due SELECT id, 1, 1, -started_ms FROM sessions WHERE NOT canary")


@migrations()
def m019_saved(db: Database) -> None:
    """Keep searches of sessions that people have given a name."""
    db.execute(
        "CREATE TABLE saved_segments (id INTEGER PRIMARY KEY, name TEXT NOT NULL, maker TEXT NOT NULL,"
        " shared INTEGER NOT NULL, query TEXT NOT NULL, saved_ms INTEGER NOT NULL,"
        " UNIQUE (maker, name))"
    )


@migrations()
def m020_codes(db: Database) -> None:
    """Keep the spoken codes: which session each stands for, and until when."""
    db.execute(
        "CREATE TABLE codes (code TEXT PRIMARY KEY, session TEXT NOT NULL UNIQUE,"
        " until_ms INTEGER NOT NULL) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX codes_by_end ON codes (until_ms)")


@migrations()
def m021_alerts(db: Database) -> None:
    """Keep what somebody wants to be told of, what was told, and what waits to be sent."""
    db.execute(
        "CREATE TABLE alerts (id TEXT PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL,"
        " firing_ms INTEGER, told_ms INTEGER) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE alert_told (alert TEXT NOT NULL, struggle TEXT NOT NULL, at_ms INTEGER NOT NULL,"
        " PRIMARY KEY (alert, struggle)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE deliveries (id TEXT PRIMARY KEY, alert TEXT NOT NULL, name TEXT NOT NULL,"
        " kind TEXT NOT NULL, destination TEXT NOT NULL, language TEXT NOT NULL, facts TEXT NOT NULL,"
        " created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,"
        " state TEXT NOT NULL, error TEXT NOT NULL, done_ms INTEGER) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX deliveries_due ON deliveries (due_ms, id) WHERE state = 'waiting'")
    db.execute("CREATE INDEX deliveries_by_time ON deliveries (created_ms, id)")


@migrations()
def m022_walks(db: Database) -> None:
    """Keep how far each session came in each process; what was stored before is looked at in the background."""
    db.execute(
        "CREATE TABLE walks (process TEXT NOT NULL, no INTEGER NOT NULL, steps TEXT NOT NULL,"
        " completed_ms INTEGER, value REAL, element TEXT NOT NULL, label TEXT NOT NULL,"
        " PRIMARY KEY (process, no)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX walks_by_no ON walks (no)")
    db.execute("CREATE TABLE walked (declarations TEXT NOT NULL)")


@migrations()
def m024_form_uses(db: Database) -> None:
    """Keep what each session did in the forms at the steps of a process; what was stored before is looked at in the background."""
    db.execute(
        "CREATE TABLE form_uses (process TEXT NOT NULL, step TEXT NOT NULL, form TEXT NOT NULL,"
        " no INTEGER NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (process, step, form, no)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX form_uses_by_no ON form_uses (no)")


@migrations()
def m025_ways(db: Database) -> None:
    """Have sessions found by their ways: all are indexed anew, in the background."""
    db.execute(
        "INSERT OR REPLACE INTO search_due SELECT id, 1, 1, -started_ms FROM sessions WHERE NOT canary"
    )


@migrations()
def m026_desk(db: Database) -> None:
    """Keep customers, in which browsers they signed in, contacts with their notes, and what was changed of those."""
    for statement in DESK.split(";"):
        if statement.strip():
            db.execute(statement)
    # At this release these said the same as core/sqlite/customers.py.
    named = "CASE WHEN json_valid(identity) THEN json_extract(identity, '$.id') END"
    verified = "coalesce(json_extract(identity, '$.verified'), 0)"
    known = f"FROM sessions WHERE {named} IS NOT NULL AND NOT canary"
    db.execute(
        f"INSERT INTO customers SELECT {named}, max({verified}), max(started_ms) {known} GROUP BY 1"
    )
    db.execute(
        f"INSERT INTO signed_in SELECT visitor, {named}, min(started_ms) {known}"
        f" AND {verified} AND visitor IS NOT NULL GROUP BY 1, 2"
    )


@migrations()
def m027_effort(db: Database) -> None:
    """
    Keep what was done in each session, by process and step, and the medians that it is measured by.

    What was stored before is looked at in the background.
    """
    db.execute(
        "CREATE TABLE effort_works (no INTEGER NOT NULL, process TEXT NOT NULL, step TEXT NOT NULL,"
        " site TEXT NOT NULL, day INTEGER NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER,"
        " points REAL NOT NULL, actions INTEGER NOT NULL, visible_ms INTEGER NOT NULL,"
        " completed INTEGER NOT NULL, PRIMARY KEY (no, process, step)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX effort_works_by_day ON effort_works (process, day)")
    db.execute(
        "CREATE TABLE effort_norms (process TEXT NOT NULL, step TEXT NOT NULL, site TEXT NOT NULL,"
        " day INTEGER NOT NULL, sessions INTEGER NOT NULL, actions INTEGER NOT NULL,"
        " visible_ms INTEGER NOT NULL, PRIMARY KEY (process, step, site, day)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE effort_normed (process TEXT PRIMARY KEY, version TEXT NOT NULL,"
        " day INTEGER NOT NULL) WITHOUT ROWID"
    )
    db.execute(
        "INSERT OR REPLACE INTO search_due SELECT id, 1, 1, -started_ms FROM sessions WHERE NOT canary"
    )


@migrations()
def m028_releases(db: Database) -> None:
    """Keep which releases a site had, and from when on: seen in sessions, or told by a program."""
    db.execute(
        "CREATE TABLE releases (site TEXT NOT NULL, name TEXT NOT NULL, seen_ms INTEGER, told_ms INTEGER,"
        " text TEXT NOT NULL, PRIMARY KEY (site, name)) WITHOUT ROWID"
    )
    release = "CASE WHEN json_valid(attributes) THEN json_extract(attributes, '$.release') END"
    db.execute(
        f"INSERT INTO releases SELECT site, {release}, min(started_ms), NULL, '' FROM sessions"
        f" WHERE NOT canary AND length({release}) BETWEEN 1 AND 100 GROUP BY 1, 2 LIMIT 1000"
    )


@migrations()
def m030_sights(db: Database) -> None:
    """Keep what each session did on each page; what was stored before is looked at in the background."""
    db.execute(
        "CREATE TABLE sights (page TEXT NOT NULL, no INTEGER NOT NULL, depth INTEGER NOT NULL,"
        " dead TEXT NOT NULL, pressed TEXT NOT NULL, PRIMARY KEY (page, no)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX sights_by_no ON sights (no)")
    db.execute(
        "INSERT OR REPLACE INTO search_due SELECT id, 1, 1, -started_ms FROM sessions WHERE NOT canary"
    )


@migrations()
def m029_report_files(db: Database) -> None:
    """Keep the report files that were last in force."""
    db.execute("CREATE TABLE report_files (name TEXT PRIMARY KEY, text TEXT NOT NULL)")
