-- +goose Up
ALTER TABLE erasures ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0; -- 1: the person's key did not open then
