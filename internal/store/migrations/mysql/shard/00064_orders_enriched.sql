-- +goose Up
ALTER TABLE orders ADD COLUMN enriched_at BIGINT NOT NULL DEFAULT 0; -- when what belongs to the order was read, by the platform's clock; 0: not
