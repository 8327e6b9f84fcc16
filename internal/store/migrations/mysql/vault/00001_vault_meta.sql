-- +goose Up
CREATE TABLE vault_meta (
  one TINYINT NOT NULL PRIMARY KEY, -- always 1: the table has one row
  installation_id VARBINARY(64) NOT NULL,
  passed BIGINT NOT NULL -- updated when a reader needs everything before it flushed
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
