-- +goose Up
ALTER TABLE raws ADD COLUMN topic TEXT NOT NULL DEFAULT ''; -- of the delivery; empty: from before this column
ALTER TABLE raws ADD COLUMN delivery_key BLOB NOT NULL DEFAULT x''; -- of the delivery, as in deliveries
