-- +goose Up
INSERT INTO order_ids (connection_id, external_id, tenant_id, id)
SELECT o.connection_id, o.external_id, o.tenant_id, o.id FROM orders AS o
  WHERE NOT EXISTS (SELECT 1 FROM order_ids AS n WHERE n.connection_id = o.connection_id AND n.external_id = o.external_id);
