-- +goose Up
CREATE INDEX acknowledgements_order ON acknowledgements (tenant_id, order_id);
