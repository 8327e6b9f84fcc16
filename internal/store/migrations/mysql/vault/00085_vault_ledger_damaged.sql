-- +goose Up
ALTER TABLE vault_ledger ADD COLUMN damaged TINYINT NOT NULL DEFAULT 0; -- 1: the person's key did not open then
