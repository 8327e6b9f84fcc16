-- +goose Up
CREATE INDEX feed_order ON feed (tenant_id, order_id, sequence);
