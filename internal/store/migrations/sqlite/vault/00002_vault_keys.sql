-- +goose Up
CREATE TABLE vault_keys (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  tag BLOB NOT NULL UNIQUE,
  wrapped BLOB NOT NULL,
  connection_id TEXT NOT NULL,
  class TEXT NOT NULL,
  week TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
