-- +goose Up
CREATE TABLE connections (
  id VARBINARY(40) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(40) NOT NULL,
  app_id VARBINARY(40) NOT NULL,
  platform VARBINARY(32) NOT NULL,
  environment VARBINARY(32) NOT NULL,
  account VARBINARY(255) NOT NULL,
  endpoint VARBINARY(64) NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE KEY connections_account (platform, environment, account),
  UNIQUE KEY connections_endpoint (endpoint)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
