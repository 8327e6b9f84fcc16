-- +goose Up
CREATE TABLE feed_head (
  tenant_id VARBINARY(40) NOT NULL,
  stream VARBINARY(32) NOT NULL,
  sequence BIGINT NOT NULL, -- the last number given out; its row lock makes numbers follow the order of commits
  PRIMARY KEY (tenant_id, stream)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
