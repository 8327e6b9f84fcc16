-- +goose Up
CREATE TABLE connect_tokens (
  connection_id VARBINARY(40) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(40) NOT NULL,
  generation BIGINT NOT NULL, -- of the pair, grows with every new one
  sealed BLOB, -- the pair; NULL when it was destroyed
  previous BLOB, -- the pair before, until this one has worked
  access_until BIGINT NOT NULL, -- 0: no end, like the next two
  refresh_until BIGINT NOT NULL,
  grant_until BIGINT NOT NULL,
  standing VARBINARY(32) NOT NULL,
  code VARBINARY(64) NOT NULL,
  attempts BIGINT NOT NULL,
  due_at BIGINT NOT NULL, -- when somebody must look; the largest number is never
  connected_at BIGINT NOT NULL,
  refreshed_at BIGINT NOT NULL,
  started TINYINT NOT NULL, -- 1: the first jobs are enqueued
  report MEDIUMBLOB, -- JSON of the last check
  checked_at BIGINT NOT NULL,
  epoch BIGINT NOT NULL, -- of the lease, grows with every one
  holder VARBINARY(64) NOT NULL,
  lease_until BIGINT NOT NULL, -- by the clock of the database
  KEY connect_tokens_due (due_at),
  KEY connect_tokens_started (started, connected_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
