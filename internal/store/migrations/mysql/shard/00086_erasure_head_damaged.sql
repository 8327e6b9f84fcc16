-- +goose Up
ALTER TABLE erasure_head ADD COLUMN damaged TINYINT NOT NULL DEFAULT 0; -- as in erasures
