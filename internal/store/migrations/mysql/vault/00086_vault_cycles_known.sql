-- +goose Up
ALTER TABLE vault_cycles ADD COLUMN known LONGBLOB; -- JSON list of damage that was waited for; NULL: from before this column
