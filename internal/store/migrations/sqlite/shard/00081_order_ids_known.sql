-- +goose Up
INSERT INTO order_ids (connection_id, external_id, tenant_id, id) SELECT connection_id, external_id, tenant_id, id FROM orders;
