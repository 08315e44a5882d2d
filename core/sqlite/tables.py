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
