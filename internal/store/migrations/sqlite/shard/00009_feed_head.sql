-- +goose Up
CREATE TABLE feed_head (
  tenant_id TEXT NOT NULL,
  stream TEXT NOT NULL,
  sequence INTEGER NOT NULL, -- the last number given out
  PRIMARY KEY (tenant_id, stream)
) WITHOUT ROWID;
