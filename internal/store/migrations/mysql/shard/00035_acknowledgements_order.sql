-- +goose Up
ALTER TABLE acknowledgements ADD KEY acknowledgements_order (tenant_id, order_id);
