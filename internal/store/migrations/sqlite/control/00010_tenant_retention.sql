-- +goose Up
ALTER TABLE tenants ADD COLUMN order_retention_days INTEGER NOT NULL DEFAULT 0; -- 0: the default
