-- +goose Up
CREATE TABLE job_lanes (
  kind VARBINARY(64) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  connection_id VARBINARY(40) NOT NULL,
  epoch BIGINT NOT NULL, -- grows with each claim; a lane is never deleted, or epochs would come again
  fresh_at BIGINT NOT NULL, -- not after the first fresh job can be had; 9223372036854775807: there is none
  backfill_at BIGINT NOT NULL, -- the same for backfill
  blocked TINYINT NOT NULL, -- 1: jobs are due and wait for others of the lane to end
  PRIMARY KEY (kind, tenant_id, connection_id),
  KEY job_lanes_fresh (kind, fresh_at),
  KEY job_lanes_backfill (kind, backfill_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
