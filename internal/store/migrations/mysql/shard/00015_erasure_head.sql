-- +goose Up
CREATE TABLE erasure_head (
  one TINYINT NOT NULL PRIMARY KEY, -- always 1: the table has at most one row
  number BIGINT NOT NULL, -- of the newest entry of the vault that this shard has caught up with
  id VARBINARY(40) NOT NULL,
  what VARBINARY(16) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL, -- may live on another shard
  subject_id VARBINARY(40) NOT NULL,
  reason VARBINARY(32) NOT NULL,
  at BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
