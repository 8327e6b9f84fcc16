-- +goose Up
CREATE TABLE statements ( -- of one shop and day: whether the hub has every order; no row is ever changed
  tenant_id TEXT NOT NULL,
  connection_id TEXT NOT NULL,
  day TEXT NOT NULL, -- in UTC: 2026-11-20
  revision INTEGER NOT NULL, -- from 1, dense
  id TEXT NOT NULL,
  state TEXT NOT NULL, -- equal, different, unknown
  code TEXT NOT NULL, -- why it is unknown
  whole INTEGER NOT NULL, -- 1: about the whole day
  made_at INTEGER NOT NULL,
  differing INTEGER NOT NULL, -- differences that are not repaired
  fetching INTEGER NOT NULL, -- orders that are fetched again because of it
  doc BLOB NOT NULL, -- the signed bytes
  key_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (tenant_id, connection_id, day, revision)
);
CREATE UNIQUE INDEX statements_id ON statements (tenant_id, id);
CREATE INDEX statements_day ON statements (day, whole, connection_id);
