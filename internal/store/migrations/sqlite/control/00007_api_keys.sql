-- +goose Up
CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL, -- empty: an operator's
  role TEXT NOT NULL,
  client TEXT NOT NULL,
  scopes TEXT NOT NULL, -- separated by spaces
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL -- 0 while it is good
);
