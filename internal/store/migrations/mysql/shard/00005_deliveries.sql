-- +goose Up
CREATE TABLE deliveries (
  connection_id VARBINARY(40) NOT NULL,
  resource VARBINARY(128) NOT NULL, -- before the key: deliveries of one order lie together
  delivery_key VARBINARY(32) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  claimed_at BIGINT NOT NULL,
  PRIMARY KEY (connection_id, resource, delivery_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
