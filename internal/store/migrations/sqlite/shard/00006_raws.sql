-- +goose Up
CREATE TABLE raws (
  raw_ref TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  connection_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  sealed BLOB NOT NULL
);
