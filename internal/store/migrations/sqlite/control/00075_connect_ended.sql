-- +goose Up
CREATE TABLE connect_ended (
  connection_id TEXT NOT NULL,
  life INTEGER NOT NULL, -- whose credential key is to be killed
  tenant_id TEXT NOT NULL,
  PRIMARY KEY (connection_id, life)
) WITHOUT ROWID;
