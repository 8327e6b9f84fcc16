-- +goose Up
ALTER TABLE orders ADD KEY orders_expires (expires), ADD KEY orders_number (tenant_id, number);
