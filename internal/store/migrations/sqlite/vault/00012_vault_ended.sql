-- +goose Up
CREATE TABLE vault_ended (
  id TEXT NOT NULL, -- of a key that the census of its slot counted and the ledger ended
  slot INTEGER NOT NULL,
  PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX vault_ended_slot ON vault_ended (slot);
