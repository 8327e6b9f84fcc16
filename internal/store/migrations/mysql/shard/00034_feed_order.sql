-- +goose Up
ALTER TABLE feed ADD KEY feed_order (tenant_id, order_id, sequence);
