-- +goose Up
CREATE TABLE slot_map (
  version INTEGER NOT NULL PRIMARY KEY, -- the highest is in force
  map BLOB NOT NULL, -- JSON of package sharding
  created_at INTEGER NOT NULL
);
