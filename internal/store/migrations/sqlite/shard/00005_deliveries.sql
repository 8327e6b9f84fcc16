-- +goose Up
CREATE TABLE deliveries (
  connection_id TEXT NOT NULL,
  resource TEXT NOT NULL, -- before the key: deliveries of one order lie together
  delivery_key BLOB NOT NULL,
  tenant_id TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  PRIMARY KEY (connection_id, resource, delivery_key)
) WITHOUT ROWID;
