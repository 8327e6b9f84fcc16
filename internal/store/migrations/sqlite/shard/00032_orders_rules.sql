-- +goose Up
ALTER TABLE orders ADD COLUMN rules INTEGER NOT NULL DEFAULT 0; -- number of the normalising rules of the version; 0: from before this column
