-- +goose Up
CREATE TABLE jobs (
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  connection_id TEXT NOT NULL, -- empty: of no connection
  job_key TEXT NOT NULL,
  state INTEGER NOT NULL, -- 0 waiting, 1 running, 2 failed
  class INTEGER NOT NULL, -- 0 fresh, 1 backfill
  due_at INTEGER NOT NULL, -- of a running one the end of its lease
  again_at INTEGER NOT NULL, -- when a running one is due again; 0: not at all
  paused_until INTEGER NOT NULL, -- a waiting one is not due before that, whatever is enqueued
  attempts INTEGER NOT NULL,
  pauses INTEGER NOT NULL,
  epoch INTEGER NOT NULL, -- of the lane, when it was claimed last
  holder TEXT NOT NULL, -- who claimed it last
  last_code TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  payload BLOB NOT NULL, -- identifiers
  PRIMARY KEY (kind, tenant_id, connection_id, job_key)
) WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (kind, tenant_id, connection_id, state, class, due_at);
