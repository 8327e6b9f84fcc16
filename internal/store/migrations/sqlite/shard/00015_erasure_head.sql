-- +goose Up
CREATE TABLE erasure_head (
  one INTEGER NOT NULL PRIMARY KEY, -- always 1: the table has at most one row
  number INTEGER NOT NULL, -- of the newest entry of the vault that this shard has caught up with
  id TEXT NOT NULL,
  what TEXT NOT NULL,
  tenant_id TEXT NOT NULL, -- may live on another shard
  subject_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
);
