-- +goose Up
ALTER TABLE apps
  ADD COLUMN client_id VARBINARY(128) NOT NULL DEFAULT '', -- the platform's id of the app
  ADD COLUMN base VARBINARY(512) NOT NULL DEFAULT '', -- a sandbox's address
  ADD COLUMN scopes VARBINARY(4096) NOT NULL DEFAULT '', -- separated by spaces
  ADD COLUMN redirect VARBINARY(512) NOT NULL DEFAULT '', -- as registered, byte for byte, like the next
  ADD COLUMN hook_url VARBINARY(512) NOT NULL DEFAULT '';
