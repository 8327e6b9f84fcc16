-- +goose Up
ALTER TABLE parked ADD KEY parked_open (tenant_id, state, id), ADD KEY parked_order (connection_id, state, external_id);
