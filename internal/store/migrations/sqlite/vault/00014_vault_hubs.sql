-- +goose Up
CREATE TABLE vault_hubs (
  instance TEXT NOT NULL,
  generation INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (instance)
);
