-- +goose Up
CREATE TABLE feed (
  tenant_id TEXT NOT NULL,
  stream TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  time INTEGER NOT NULL,
  order_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  doc BLOB,
  PRIMARY KEY (tenant_id, stream, sequence)
);
