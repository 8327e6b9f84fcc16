-- +goose Up
ALTER TABLE parked
  ADD COLUMN expires VARBINARY(8) NOT NULL DEFAULT '', -- ISO week with which the delivery ages out; empty: it is gone
  ADD KEY parked_expires (expires);
