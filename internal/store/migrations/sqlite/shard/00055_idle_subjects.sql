-- +goose Up
CREATE TABLE idle_subjects (
  subject_id TEXT NOT NULL PRIMARY KEY, -- of whom something was dropped: maybe nothing is left
  tenant_id TEXT NOT NULL
) WITHOUT ROWID;
