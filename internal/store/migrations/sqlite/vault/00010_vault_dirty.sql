-- +goose Up
CREATE TABLE vault_dirty (
  slot INTEGER NOT NULL,
  number INTEGER NOT NULL, -- newest entry of the ledger when something died in it
  cycle INTEGER NOT NULL, -- that ran then; 0 when none did
  PRIMARY KEY (slot)
);
