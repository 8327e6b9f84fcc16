-- +goose Up
CREATE TABLE apps (
  id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL, -- empty: the operator's own
  platform TEXT NOT NULL,
  name TEXT NOT NULL,
  environment TEXT NOT NULL,
  endpoint TEXT NOT NULL UNIQUE,
  sealed_secrets BLOB,
  created_at INTEGER NOT NULL
);
