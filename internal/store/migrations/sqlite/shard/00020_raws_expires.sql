-- +goose Up
ALTER TABLE raws ADD COLUMN expires TEXT NOT NULL DEFAULT ''; -- ISO week with which the payload ages out; empty: it is gone
CREATE INDEX raws_expires ON raws (expires);
