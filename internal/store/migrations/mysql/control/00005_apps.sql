-- +goose Up
CREATE TABLE apps (
  id VARBINARY(40) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(40) NOT NULL, -- empty: the operator's own
  platform VARBINARY(32) NOT NULL,
  name VARBINARY(255) NOT NULL,
  environment VARBINARY(32) NOT NULL,
  endpoint VARBINARY(64) NOT NULL,
  sealed_secrets BLOB,
  created_at BIGINT NOT NULL,
  UNIQUE KEY apps_endpoint (endpoint)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
