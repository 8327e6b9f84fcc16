-- +goose Up
CREATE TABLE parked (
  id VARBINARY(40) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(40) NOT NULL,
  connection_id VARBINARY(40) NOT NULL,
  platform VARBINARY(32) NOT NULL,
  topic VARBINARY(128) NOT NULL,
  code VARBINARY(64) NOT NULL,
  path VARBINARY(512) NOT NULL,
  received_at BIGINT NOT NULL,
  parked_at BIGINT NOT NULL,
  state VARBINARY(16) NOT NULL,
  attempts BIGINT NOT NULL,
  sealed MEDIUMBLOB,
  KEY parked_tenant (tenant_id, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
