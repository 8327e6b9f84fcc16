-- +goose Up
CREATE TABLE installation (
  one TINYINT NOT NULL PRIMARY KEY, -- always 1: the table has one row
  installation_id VARBINARY(64) NOT NULL,
  directory_version BIGINT NOT NULL -- raised by every change of tenants, apps, connections and keys
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
