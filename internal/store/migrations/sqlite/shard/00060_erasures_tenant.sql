-- +goose Up
CREATE INDEX erasures_tenant ON erasures (tenant_id, at);
