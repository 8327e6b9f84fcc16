-- +goose Up
-- Unused here, as on a shard.
CREATE TABLE barrier (
  id INTEGER NOT NULL PRIMARY KEY,
  passed INTEGER NOT NULL
);
