-- +goose Up
ALTER TABLE installation ADD COLUMN vault_adopted INTEGER NOT NULL DEFAULT 0; -- 1 for ever once there is a vault: an empty one is then a loss
