-- +goose Up
CREATE TABLE relay (
  one TINYINT NOT NULL PRIMARY KEY, -- always 1: the table has one row
  leader VARBINARY(64) NOT NULL, -- the hub that tells, by its instance; empty after it resigned
  epoch BIGINT NOT NULL, -- raised with every change of leader
  leads_until BIGINT NOT NULL,
  created BIGINT NOT NULL, -- when the broker's stream was made; 0 when nothing is known of it
  position BIGINT NOT NULL, -- of a message that it held
  change_id VARBINARY(40) NOT NULL, -- of that message
  told_at BIGINT NOT NULL -- when that message was told
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
