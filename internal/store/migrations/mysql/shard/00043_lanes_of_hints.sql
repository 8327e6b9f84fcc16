-- +goose Up
INSERT INTO job_lanes (kind, tenant_id, connection_id, epoch, fresh_at, backfill_at, blocked)
SELECT kind, tenant_id, connection_id, 0, MIN(due_at), 9223372036854775807, 0 FROM jobs GROUP BY kind, tenant_id, connection_id;
