-- +goose Up
CREATE TABLE orders (
  connection_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  source_updated_at INTEGER NOT NULL, -- times are Unix microseconds; 0 is absent
  cancelled INTEGER NOT NULL,
  refunded INTEGER NOT NULL, -- minor units
  payment_rank INTEGER NOT NULL,
  fulfillment_rank INTEGER NOT NULL,
  digest BLOB NOT NULL,
  status TEXT NOT NULL,
  platform TEXT NOT NULL,
  placed_at INTEGER NOT NULL,
  deleted_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  doc BLOB, -- the business record, P3 only
  personal BLOB, -- sealed
  sealed_at INTEGER NOT NULL, -- the revision that personal was sealed at
  PRIMARY KEY (connection_id, external_id)
);
CREATE UNIQUE INDEX orders_id ON orders (id);
CREATE INDEX orders_tenant ON orders (tenant_id, id);
CREATE INDEX orders_external ON orders (tenant_id, external_id);
