-- +goose Up
CREATE TABLE order_ids ( -- which id an order was given, also when its row is gone
  connection_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (connection_id, external_id)
) WITHOUT ROWID;
