-- +goose Up
ALTER TABLE vault_ledger ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0; -- 1: the person's key did not open then
