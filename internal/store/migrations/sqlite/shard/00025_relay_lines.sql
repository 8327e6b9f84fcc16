-- +goose Up
CREATE TABLE relay_lines (
  tenant_id TEXT NOT NULL,
  stream TEXT NOT NULL,
  told INTEGER NOT NULL, -- sequence of the last change that the broker has, or more may be told than is known here
  position INTEGER NOT NULL, -- of its message there; 0 when not known
  PRIMARY KEY (tenant_id, stream)
) WITHOUT ROWID;
