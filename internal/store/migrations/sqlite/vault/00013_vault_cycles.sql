-- +goose Up
CREATE TABLE vault_cycles (
  number INTEGER NOT NULL,
  phase TEXT NOT NULL,
  from_root INTEGER NOT NULL,
  to_root INTEGER NOT NULL,
  ledger INTEGER NOT NULL,
  kills INTEGER NOT NULL,
  weeks INTEGER NOT NULL,
  slots INTEGER NOT NULL,
  rewrapped INTEGER NOT NULL,
  began_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  waits_for BLOB NOT NULL, -- JSON list of instances
  gone_root INTEGER NOT NULL, -- the receipt
  gone_at INTEGER NOT NULL,
  gone_method TEXT NOT NULL,
  gone_same_volume INTEGER NOT NULL,
  PRIMARY KEY (number)
);
