-- +goose Up
CREATE TABLE answers ( -- what clients were served of several orders at once; of one order: disclosures
  tenant_id TEXT NOT NULL,
  disclosed_at INTEGER NOT NULL,
  id TEXT NOT NULL,
  stream TEXT NOT NULL, -- of the page of the feed; empty: a list of orders
  node INTEGER NOT NULL, -- where the answer is filed, by the sequences of its first and last change, or by its ids
  client TEXT NOT NULL,
  key_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  orders BLOB NOT NULL -- of each order its id, the newest revision served, and a bit mask of hub.PersonalFields
);
CREATE INDEX answers_node ON answers (tenant_id, stream, node);
