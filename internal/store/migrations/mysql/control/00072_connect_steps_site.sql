-- +goose Up
ALTER TABLE connect_steps ADD COLUMN site VARBINARY(16) NOT NULL DEFAULT ''; -- the country whose page to show
