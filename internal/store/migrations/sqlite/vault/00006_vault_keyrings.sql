-- +goose Up
CREATE TABLE vault_keyrings (
  generation INTEGER NOT NULL, -- of the root that seals it
  revision INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (generation)
);
