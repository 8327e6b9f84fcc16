-- +goose Up
ALTER TABLE apps ADD COLUMN client_id TEXT NOT NULL DEFAULT ''; -- the platform's id of the app
ALTER TABLE apps ADD COLUMN base TEXT NOT NULL DEFAULT ''; -- a sandbox's address
ALTER TABLE apps ADD COLUMN scopes TEXT NOT NULL DEFAULT ''; -- separated by spaces
ALTER TABLE apps ADD COLUMN redirect TEXT NOT NULL DEFAULT ''; -- as registered, byte for byte, like the next
ALTER TABLE apps ADD COLUMN hook_url TEXT NOT NULL DEFAULT '';
