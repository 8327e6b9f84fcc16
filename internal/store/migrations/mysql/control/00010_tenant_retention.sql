-- +goose Up
ALTER TABLE tenants ADD COLUMN order_retention_days INT NOT NULL DEFAULT 0; -- 0: the default
