-- +goose Up
ALTER TABLE erasures ADD COLUMN damaged TINYINT NOT NULL DEFAULT 0; -- 1: the person's key did not open then
