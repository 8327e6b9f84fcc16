-- +goose Up
CREATE TABLE parked (
  id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  connection_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  topic TEXT NOT NULL,
  code TEXT NOT NULL,
  path TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  parked_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  sealed BLOB
);
CREATE INDEX parked_tenant ON parked (tenant_id, id);
