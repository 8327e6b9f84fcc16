-- +goose Up
-- Unused here: a commit in SQLite's WAL mode is flushed before anybody sees it. The dialects have the same tables.
CREATE TABLE barrier (
  id INTEGER NOT NULL PRIMARY KEY,
  passed INTEGER NOT NULL
);
