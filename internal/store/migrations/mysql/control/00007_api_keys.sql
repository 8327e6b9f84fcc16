-- +goose Up
CREATE TABLE api_keys (
  id VARBINARY(40) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(40) NOT NULL, -- empty: an operator's
  role VARBINARY(32) NOT NULL,
  client VARBINARY(128) NOT NULL,
  scopes VARBINARY(1024) NOT NULL, -- separated by spaces
  hash VARBINARY(32) NOT NULL,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL -- 0 while it is good
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
