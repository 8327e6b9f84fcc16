-- +goose Up
CREATE TABLE disclosed ( -- what clients were served of one order each, a row for many answers; what older versions kept: disclosures
  tenant_id TEXT NOT NULL,
  shelf INTEGER NOT NULL, -- by the order; 0: not filed yet
  id TEXT NOT NULL,
  count INTEGER NOT NULL, -- of answers
  packed BLOB NOT NULL
);
CREATE UNIQUE INDEX disclosed_shelf ON disclosed (tenant_id, shelf, id);
