-- +goose Up
CREATE TABLE acknowledgements (
  tenant_id TEXT NOT NULL,
  client TEXT NOT NULL,
  order_id TEXT NOT NULL,
  reference TEXT NOT NULL,
  acknowledged_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, client, order_id)
) WITHOUT ROWID;
