-- +goose Up
ALTER TABLE erasure_head ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0; -- as in erasures
