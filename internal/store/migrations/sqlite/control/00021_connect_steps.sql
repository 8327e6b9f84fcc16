-- +goose Up
CREATE TABLE connect_steps (
  hash BLOB NOT NULL PRIMARY KEY, -- SHA-256 of a ticket or state
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  app_id TEXT NOT NULL,
  account TEXT NOT NULL, -- empty: any shop
  browser BLOB, -- SHA-256 of the cookie, of a state
  verifier BLOB, -- of PKCE, sealed
  actor_key TEXT NOT NULL,
  role TEXT NOT NULL,
  request_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX connect_steps_expires ON connect_steps (expires_at);
CREATE INDEX connect_steps_tenant ON connect_steps (tenant_id);
