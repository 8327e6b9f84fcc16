-- +goose Up
CREATE TABLE vault_census (
  slot INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  key_count INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (slot)
);
