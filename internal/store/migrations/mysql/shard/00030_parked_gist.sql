-- +goose Up
ALTER TABLE parked
  ADD COLUMN app_id VARBINARY(40) NOT NULL DEFAULT '', -- whose endpoint it came to; empty: from before this column
  ADD COLUMN external_id VARBINARY(128) NOT NULL DEFAULT '', -- of the order; empty: not readable
  ADD COLUMN source_at BIGINT NOT NULL DEFAULT 0, -- of the order's version; 0: not readable
  ADD COLUMN currency VARBINARY(8) NOT NULL DEFAULT '', -- of total
  ADD COLUMN total BIGINT, -- minor units; NULL: not readable
  ADD COLUMN closed_by BIGINT NOT NULL DEFAULT 0; -- the order's revision that made it superfluous
