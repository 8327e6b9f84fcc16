-- +goose Up
CREATE TABLE vault_meta (
  one INTEGER NOT NULL PRIMARY KEY, -- always 1: the table has one row
  installation_id TEXT NOT NULL,
  passed INTEGER NOT NULL -- unused here; the dialects have the same tables
);
