-- +goose Up
CREATE TABLE disclosures (
  tenant_id TEXT NOT NULL,
  disclosed_at INTEGER NOT NULL,
  id TEXT NOT NULL,
  client TEXT NOT NULL,
  key_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  fields INTEGER NOT NULL, -- bit mask of hub.PersonalFields
  PRIMARY KEY (tenant_id, disclosed_at, id)
) WITHOUT ROWID;
CREATE INDEX disclosures_order ON disclosures (tenant_id, order_id);
