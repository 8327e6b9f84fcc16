-- +goose Up
CREATE TABLE vault_hubs (
  instance VARBINARY(64) NOT NULL,
  generation BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (instance)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
