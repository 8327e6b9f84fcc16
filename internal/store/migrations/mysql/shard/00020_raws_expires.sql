-- +goose Up
ALTER TABLE raws
  ADD COLUMN expires VARBINARY(8) NOT NULL DEFAULT '', -- ISO week with which the payload ages out; empty: it is gone
  ADD KEY raws_expires (expires);
