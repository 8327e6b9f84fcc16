-- +goose Up
CREATE TABLE shard_meta (
  one TINYINT NOT NULL PRIMARY KEY, -- always 1: the table has one row
  shard_id VARBINARY(40) NOT NULL, -- empty until the control database has given it a name
  token VARBINARY(64) NOT NULL, -- by which the control database knows this shard before it has a name
  installation_id VARBINARY(64) NOT NULL,
  epoch BIGINT NOT NULL -- raised when another router takes over
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
