-- +goose Up
CREATE INDEX orders_expires ON orders (expires);
CREATE INDEX orders_number ON orders (tenant_id, number);
