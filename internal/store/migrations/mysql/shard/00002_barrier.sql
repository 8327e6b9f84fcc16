-- +goose Up
-- One of 16 rows is updated when a reader needs everything before it flushed. Which row does not matter; there are several
-- so that hubs seldom wait for each other.
CREATE TABLE barrier (
  id TINYINT NOT NULL PRIMARY KEY,
  passed BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
