-- +goose Up
CREATE TABLE vault_ledger (
  number INTEGER NOT NULL, -- from 1, without holes, in the order of commits
  id TEXT NOT NULL,
  what TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  subject_id TEXT NOT NULL, -- or a connection, a tenant, a parked delivery
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  person INTEGER NOT NULL, -- 1: the subject is one
  PRIMARY KEY (number)
);
CREATE UNIQUE INDEX vault_ledger_id ON vault_ledger (id);
CREATE INDEX vault_ledger_subject ON vault_ledger (subject_id, what);
