-- +goose Up
ALTER TABLE orders ADD COLUMN erased INTEGER NOT NULL DEFAULT 0; -- 1: somebody in the order was erased, and is not written again
