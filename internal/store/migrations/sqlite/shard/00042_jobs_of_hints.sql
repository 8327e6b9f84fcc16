-- +goose Up
INSERT INTO jobs (kind, tenant_id, connection_id, job_key, state, class, due_at, again_at, paused_until, attempts, pauses, epoch, holder, last_code, created_at, payload)
SELECT 'fetch.' || kind, tenant_id, connection_id, external_id, 0, 0, newest_at, 0, 0, 0, 0, 0, '', '', newest_at, x'' FROM hints;
