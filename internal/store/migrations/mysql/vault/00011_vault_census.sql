-- +goose Up
CREATE TABLE vault_census (
  slot INT NOT NULL,
  generation BIGINT NOT NULL,
  key_count BIGINT NOT NULL,
  digest VARBINARY(32) NOT NULL,
  PRIMARY KEY (slot)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
