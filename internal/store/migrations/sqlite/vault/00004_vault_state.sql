-- +goose Up
CREATE TABLE vault_state (
  one INTEGER NOT NULL, -- always 1: the table has one row
  revision INTEGER NOT NULL, -- of the keyring
  generation INTEGER NOT NULL, -- of the newest keyring's root
  ledger INTEGER NOT NULL, -- number of the newest entry
  leader TEXT NOT NULL, -- of the forget cycle
  epoch INTEGER NOT NULL, -- raised with every change of leader
  leads_until INTEGER NOT NULL,
  PRIMARY KEY (one)
);
