-- +goose Up
CREATE INDEX orders_placed ON orders (connection_id, placed_at, external_id);
