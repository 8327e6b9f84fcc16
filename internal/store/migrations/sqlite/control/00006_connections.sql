-- +goose Up
CREATE TABLE connections (
  id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  environment TEXT NOT NULL,
  account TEXT NOT NULL,
  endpoint TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  UNIQUE (platform, environment, account)
);
