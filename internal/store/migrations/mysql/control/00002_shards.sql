-- +goose Up
CREATE TABLE shards (
  number INT NOT NULL PRIMARY KEY,
  shard_id VARBINARY(40) NOT NULL,
  token VARBINARY(64) NOT NULL,
  UNIQUE KEY shards_id (shard_id),
  UNIQUE KEY shards_token (token)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
