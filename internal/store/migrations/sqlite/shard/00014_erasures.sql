-- +goose Up
CREATE TABLE erasures (
  id TEXT NOT NULL PRIMARY KEY,
  number INTEGER NOT NULL, -- in the vault; 0 while it has none
  what TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;
