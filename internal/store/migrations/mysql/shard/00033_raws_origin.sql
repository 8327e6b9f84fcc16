-- +goose Up
ALTER TABLE raws
  ADD COLUMN topic VARBINARY(128) NOT NULL DEFAULT '', -- of the delivery; empty: from before this column
  ADD COLUMN delivery_key VARBINARY(32) NOT NULL DEFAULT ''; -- of the delivery, as in deliveries
