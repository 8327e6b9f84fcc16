-- +goose Up
ALTER TABLE parked ADD COLUMN expires TEXT NOT NULL DEFAULT ''; -- ISO week with which the delivery ages out; empty: it is gone
CREATE INDEX parked_expires ON parked (expires);
