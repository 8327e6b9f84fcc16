-- +goose Up
CREATE TABLE vault_tombstones (
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (hash)
) WITHOUT ROWID;
CREATE INDEX vault_tombstones_expires ON vault_tombstones (expires_at);
