-- +goose Up
ALTER TABLE vault_cycles ADD COLUMN unreadable MEDIUMBLOB; -- JSON list of the keys and tags that did not open; NULL: from before this column
