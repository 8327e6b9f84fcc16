-- +goose Up
CREATE TABLE subjects (
  subject_id TEXT NOT NULL PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  state TEXT NOT NULL, -- live, erasing, erased: it only moves forward
  at INTEGER NOT NULL -- of the state
) WITHOUT ROWID;
