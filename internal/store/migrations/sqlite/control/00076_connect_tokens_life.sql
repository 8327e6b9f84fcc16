-- +goose Up
ALTER TABLE connect_tokens ADD COLUMN life INTEGER NOT NULL DEFAULT 0; -- how often the connection has ended; each life has a credential key of its own
