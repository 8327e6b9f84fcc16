-- +goose Up
ALTER TABLE connect_steps ADD COLUMN site TEXT NOT NULL DEFAULT ''; -- the country whose page to show
