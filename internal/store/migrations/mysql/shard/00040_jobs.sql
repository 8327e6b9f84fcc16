-- +goose Up
CREATE TABLE jobs (
  kind VARBINARY(64) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  connection_id VARBINARY(40) NOT NULL, -- empty: of no connection
  job_key VARBINARY(128) NOT NULL,
  state TINYINT NOT NULL, -- 0 waiting, 1 running, 2 failed
  class TINYINT NOT NULL, -- 0 fresh, 1 backfill
  due_at BIGINT NOT NULL, -- of a running one the end of its lease
  again_at BIGINT NOT NULL, -- when a running one is due again; 0: not at all
  paused_until BIGINT NOT NULL, -- a waiting one is not due before that, whatever is enqueued
  attempts BIGINT NOT NULL,
  pauses BIGINT NOT NULL,
  epoch BIGINT NOT NULL, -- of the lane, when it was claimed last
  holder VARBINARY(64) NOT NULL, -- who claimed it last
  last_code VARBINARY(64) NOT NULL,
  created_at BIGINT NOT NULL,
  payload VARBINARY(1024) NOT NULL, -- identifiers
  PRIMARY KEY (kind, tenant_id, connection_id, job_key),
  KEY jobs_due (kind, tenant_id, connection_id, state, class, due_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
