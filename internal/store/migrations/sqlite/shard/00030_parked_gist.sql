-- +goose Up
ALTER TABLE parked ADD COLUMN app_id TEXT NOT NULL DEFAULT ''; -- whose endpoint it came to; empty: from before this column
ALTER TABLE parked ADD COLUMN external_id TEXT NOT NULL DEFAULT ''; -- of the order; empty: not readable
ALTER TABLE parked ADD COLUMN source_at INTEGER NOT NULL DEFAULT 0; -- of the order's version; 0: not readable
ALTER TABLE parked ADD COLUMN currency TEXT NOT NULL DEFAULT ''; -- of total
ALTER TABLE parked ADD COLUMN total INTEGER; -- minor units; NULL: not readable
ALTER TABLE parked ADD COLUMN closed_by INTEGER NOT NULL DEFAULT 0; -- the order's revision that made it superfluous
