-- +goose Up
CREATE TABLE job_lanes (
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  connection_id TEXT NOT NULL,
  epoch INTEGER NOT NULL, -- grows with each claim; a lane is never deleted, or epochs would come again
  fresh_at INTEGER NOT NULL, -- not after the first fresh job can be had; 9223372036854775807: there is none
  backfill_at INTEGER NOT NULL, -- the same for backfill
  blocked INTEGER NOT NULL, -- 1: jobs are due and wait for others of the lane to end
  PRIMARY KEY (kind, tenant_id, connection_id)
) WITHOUT ROWID;
CREATE INDEX job_lanes_fresh ON job_lanes (kind, fresh_at);
CREATE INDEX job_lanes_backfill ON job_lanes (kind, backfill_at);
