-- +goose Up
CREATE TABLE connections_next (
  id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  environment TEXT NOT NULL,
  account TEXT NOT NULL,
  endpoint TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  released TEXT NOT NULL DEFAULT '', -- its own id when its shop is free for others, else empty
  UNIQUE (platform, environment, account, released)
);
INSERT INTO connections_next (id, tenant_id, app_id, platform, environment, account, endpoint, created_at)
  SELECT id, tenant_id, app_id, platform, environment, account, endpoint, created_at FROM connections;
DROP TABLE connections;
ALTER TABLE connections_next RENAME TO connections;
