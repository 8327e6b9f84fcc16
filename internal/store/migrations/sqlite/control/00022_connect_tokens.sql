-- +goose Up
CREATE TABLE connect_tokens (
  connection_id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  generation INTEGER NOT NULL, -- of the pair, grows with every new one
  sealed BLOB, -- the pair; NULL when it was destroyed
  previous BLOB, -- the pair before, until this one has worked
  access_until INTEGER NOT NULL, -- 0: no end, like the next two
  refresh_until INTEGER NOT NULL,
  grant_until INTEGER NOT NULL,
  standing TEXT NOT NULL,
  code TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due_at INTEGER NOT NULL, -- when somebody must look; the largest number is never
  connected_at INTEGER NOT NULL,
  refreshed_at INTEGER NOT NULL,
  started INTEGER NOT NULL, -- 1: the first jobs are enqueued
  report BLOB, -- JSON of the last check
  checked_at INTEGER NOT NULL,
  epoch INTEGER NOT NULL, -- of the lease, grows with every one
  holder TEXT NOT NULL,
  lease_until INTEGER NOT NULL -- by the clock of the database
) WITHOUT ROWID;
CREATE INDEX connect_tokens_due ON connect_tokens (due_at);
CREATE INDEX connect_tokens_started ON connect_tokens (started, connected_at);
