"""Owns the SQL by which the larger tables were first made; the migrations run it."""

from __future__ import annotations

FIRST = """
CREATE TABLE sites (
  key TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  origins TEXT NOT NULL,
  mode TEXT NOT NULL,
  privacy TEXT NOT NULL,
  idle_timeout_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
);
CREATE TABLE server_keys (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  site TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  started_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  end_kind TEXT,
  pages INTEGER NOT NULL,
  events INTEGER NOT NULL,
  flags INTEGER NOT NULL DEFAULT 0,
  holes INTEGER NOT NULL,
  reported INTEGER NOT NULL,
  visitor TEXT,
  identity TEXT,
  attributes TEXT NOT NULL,
  entry_ms REAL,
  entry_path TEXT,
  last_path TEXT,
  top_severity INTEGER,
  rules TEXT NOT NULL DEFAULT '[]',
  truncated TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX sessions_by_start ON sessions (started_ms);
CREATE INDEX sessions_by_site ON sessions (site, started_ms);
CREATE INDEX sessions_open ON sessions (site) WHERE ended_ms IS NULL;

CREATE TABLE page_loads (
  id INTEGER PRIMARY KEY,
  session TEXT NOT NULL,
  name TEXT NOT NULL,
  tab TEXT NOT NULL,
  origin_ms REAL NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  batches INTEGER NOT NULL,
  page TEXT NOT NULL
);
CREATE UNIQUE INDEX page_loads_by_session ON page_loads (session, name);

CREATE TABLE batches (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  page_load INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  digest BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  late INTEGER NOT NULL,
  events BLOB NOT NULL,
  void TEXT,
  segment TEXT,
  offset INTEGER,
  length INTEGER,
  crc32 INTEGER,
  chunk_count INTEGER,
  first_t REAL,
  last_t REAL,
  has_snapshot INTEGER,
  encoding INTEGER
);
CREATE UNIQUE INDEX batches_by_page_load ON batches (page_load, seq);

CREATE TABLE gaps (session TEXT NOT NULL, page_load TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX gaps_by_session ON gaps (session);

CREATE TABLE flags (
  id TEXT PRIMARY KEY,
  session TEXT NOT NULL,
  site TEXT NOT NULL,
  rule TEXT NOT NULL,
  severity INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  withdrawn TEXT,
  struggle TEXT NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX flags_by_session ON flags (session, at_ms);
CREATE INDEX flags_by_struggle ON flags (struggle, at_ms, session, severity)
  WHERE withdrawn IS NULL;
CREATE INDEX flags_by_rule ON flags (rule, session) WHERE withdrawn IS NULL;

CREATE TABLE rule_versions (
  rule TEXT NOT NULL,
  version TEXT NOT NULL,
  source TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (rule, version)
);

CREATE TABLE users (name TEXT PRIMARY KEY, role TEXT NOT NULL, password_hash TEXT NOT NULL);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  hash BLOB NOT NULL UNIQUE
);
CREATE TABLE audit (
  at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL
)
"""

SEARCH = """
CREATE TABLE searched (
  no INTEGER PRIMARY KEY,
  session TEXT NOT NULL UNIQUE,
  started_ms INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  again_ms INTEGER,
  terms BLOB NOT NULL,
  text BLOB NOT NULL
);
CREATE INDEX searched_by_start ON searched (started_ms, session);
CREATE INDEX searched_by_rank ON searched (rank, started_ms, session);
CREATE TABLE search_terms (
  id INTEGER PRIMARY KEY,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  sessions INTEGER NOT NULL
);
CREATE UNIQUE INDEX search_terms_by_value ON search_terms (field, value);
CREATE INDEX search_terms_by_use ON search_terms (field, sessions);
CREATE TABLE search_bits (
  term INTEGER NOT NULL,
  block INTEGER NOT NULL,
  bits BLOB NOT NULL,
  PRIMARY KEY (term, block)
) WITHOUT ROWID;
CREATE TABLE search_due (
  session TEXT PRIMARY KEY,
  mark INTEGER NOT NULL,
  old INTEGER NOT NULL,
  turn INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX search_due_by_turn ON search_due (old, turn);
CREATE VIRTUAL TABLE search_text USING fts5
  (text, content='', tokenize="unicode61 remove_diacritics 2")
"""

DESK = """
CREATE TABLE customers (
  id TEXT PRIMARY KEY,
  verified INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX customers_by_last ON customers (last_ms, id);
CREATE TABLE signed_in (
  visitor TEXT NOT NULL,
  customer TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (visitor, customer)
) WITHOUT ROWID;
CREATE INDEX signed_in_by_customer ON signed_in (customer);
CREATE TABLE contacts (
  id TEXT PRIMARY KEY,
  customer TEXT,
  session TEXT,
  channel TEXT NOT NULL,
  direction TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  subject TEXT NOT NULL,
  outcome TEXT NOT NULL,
  resolved INTEGER NOT NULL,
  agent TEXT NOT NULL,
  source TEXT NOT NULL,
  key TEXT,
  digest BLOB NOT NULL,
  made_ms INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  changed_ms INTEGER
);
CREATE INDEX contacts_by_start ON contacts (started_ms, id);
CREATE INDEX contacts_by_customer ON contacts (customer, started_ms, id);
CREATE INDEX contacts_by_channel ON contacts (channel, started_ms, id);
CREATE INDEX contacts_by_session ON contacts (session) WHERE session IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_key ON contacts (source, key) WHERE key IS NOT NULL;
CREATE TABLE contact_notes (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  contact TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  author TEXT NOT NULL,
  made_ms INTEGER NOT NULL,
  changed_ms INTEGER
);
CREATE INDEX contact_notes_by_contact ON contact_notes (contact, no);
CREATE TABLE contact_changes (
  no INTEGER PRIMARY KEY,
  contact TEXT NOT NULL,
  note TEXT,
  who TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  field TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL
);
CREATE INDEX contact_changes_by_contact ON contact_changes (contact, no);
CREATE TABLE contact_sources (name TEXT PRIMARY KEY, made_ms INTEGER NOT NULL) WITHOUT ROWID
"""
