-- +goose Up
CREATE TABLE slot_map (
  version BIGINT NOT NULL PRIMARY KEY, -- the highest is in force
  map MEDIUMBLOB NOT NULL, -- JSON of package sharding
  created_at BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
