-- +goose Up
CREATE TABLE hints (
  connection_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  external_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  topic TEXT NOT NULL, -- of the newest hint
  newest_at INTEGER NOT NULL,
  hints INTEGER NOT NULL, -- how many there were
  PRIMARY KEY (connection_id, kind, external_id)
) WITHOUT ROWID;
