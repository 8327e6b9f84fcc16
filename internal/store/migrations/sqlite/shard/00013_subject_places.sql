-- +goose Up
CREATE TABLE subject_places (
  subject_id TEXT NOT NULL,
  place TEXT NOT NULL, -- orders, raws
  row_id TEXT NOT NULL, -- the order's id, the payload's reference
  tenant_id TEXT NOT NULL,
  PRIMARY KEY (subject_id, place, row_id)
) WITHOUT ROWID;
