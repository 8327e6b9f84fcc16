-- +goose Up
CREATE TABLE audit_outbox (
  hub TEXT NOT NULL, -- the instance that wrote the row and moves it into its log
  id TEXT NOT NULL,
  tenant_id TEXT NOT NULL, -- empty: none, or several
  at INTEGER NOT NULL,
  actor_key TEXT NOT NULL,
  role TEXT NOT NULL,
  request_id TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hub, id)
) WITHOUT ROWID;
