-- +goose Up
ALTER TABLE erasures ADD KEY erasures_tenant (tenant_id, at);
