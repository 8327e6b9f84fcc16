-- +goose Up
CREATE TABLE answers ( -- what clients were served of several orders at once; of one order: disclosures
  tenant_id VARBINARY(40) NOT NULL,
  disclosed_at BIGINT NOT NULL,
  id VARBINARY(40) NOT NULL,
  stream VARBINARY(32) NOT NULL, -- of the page of the feed; empty: a list of orders
  node BIGINT NOT NULL, -- where the answer is filed, by the sequences of its first and last change, or by its ids
  client VARBINARY(128) NOT NULL,
  key_id VARBINARY(40) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  orders MEDIUMBLOB NOT NULL, -- of each order its id, the newest revision served, and a bit mask of hub.PersonalFields
  PRIMARY KEY (tenant_id, disclosed_at, id),
  KEY answers_node (tenant_id, stream, node)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
