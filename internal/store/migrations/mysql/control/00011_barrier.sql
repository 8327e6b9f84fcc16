-- +goose Up
-- A row is updated when a reader needs everything before it flushed, as on a shard.
CREATE TABLE barrier (
  id TINYINT NOT NULL PRIMARY KEY,
  passed BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
