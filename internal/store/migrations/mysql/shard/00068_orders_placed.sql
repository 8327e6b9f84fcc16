-- +goose Up
ALTER TABLE orders ADD KEY orders_placed (connection_id, placed_at, external_id);
