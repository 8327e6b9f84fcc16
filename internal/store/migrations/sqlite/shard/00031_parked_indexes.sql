-- +goose Up
CREATE INDEX parked_open ON parked (tenant_id, state, id);
CREATE INDEX parked_order ON parked (connection_id, state, external_id);
