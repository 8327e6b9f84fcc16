-- +goose Up
ALTER TABLE connections
  ADD COLUMN released VARBINARY(40) NOT NULL DEFAULT '', -- its own id when its shop is free for others, else empty
  DROP INDEX connections_account,
  ADD UNIQUE KEY connections_account (platform, environment, account, released);
