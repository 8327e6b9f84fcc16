-- +goose Up
CREATE TABLE acknowledgements (
  tenant_id VARBINARY(40) NOT NULL,
  client VARBINARY(128) NOT NULL,
  order_id VARBINARY(40) NOT NULL,
  reference VARBINARY(512) NOT NULL,
  acknowledged_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, client, order_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
