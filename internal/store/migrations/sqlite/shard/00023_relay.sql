-- +goose Up
CREATE TABLE relay (
  one INTEGER NOT NULL PRIMARY KEY, -- always 1: the table has one row
  leader TEXT NOT NULL, -- the hub that tells, by its instance; empty after it resigned
  epoch INTEGER NOT NULL, -- raised with every change of leader
  leads_until INTEGER NOT NULL,
  created INTEGER NOT NULL, -- when the broker's stream was made; 0 when nothing is known of it
  position INTEGER NOT NULL, -- of a message that it held
  change_id TEXT NOT NULL, -- of that message
  told_at INTEGER NOT NULL -- when that message was told
);
