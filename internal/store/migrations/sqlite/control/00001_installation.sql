-- +goose Up
CREATE TABLE installation (
  one INTEGER NOT NULL PRIMARY KEY, -- always 1: the table has one row
  installation_id TEXT NOT NULL,
  directory_version INTEGER NOT NULL -- raised by every change of tenants, apps, connections and keys
);
