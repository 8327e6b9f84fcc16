-- +goose Up
CREATE TABLE shard_meta (
  one INTEGER NOT NULL PRIMARY KEY, -- always 1: the table has one row
  shard_id TEXT NOT NULL, -- empty until the control database has given it a name
  token TEXT NOT NULL, -- by which the control database knows this shard before it has a name
  installation_id TEXT NOT NULL,
  epoch INTEGER NOT NULL -- raised when another router takes over
);
