-- +goose Up
CREATE TABLE connect_steps (
  hash VARBINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of a ticket or state
  kind VARBINARY(16) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  platform VARBINARY(32) NOT NULL,
  app_id VARBINARY(40) NOT NULL,
  account VARBINARY(255) NOT NULL, -- empty: any shop
  browser VARBINARY(32), -- SHA-256 of the cookie, of a state
  verifier VARBINARY(512), -- of PKCE, sealed
  actor_key VARBINARY(40) NOT NULL,
  role VARBINARY(32) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY connect_steps_expires (expires_at),
  KEY connect_steps_tenant (tenant_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
