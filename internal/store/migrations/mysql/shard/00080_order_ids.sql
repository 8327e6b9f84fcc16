-- +goose Up
CREATE TABLE order_ids ( -- which id an order was given, also when its row is gone
  connection_id VARBINARY(40) NOT NULL,
  external_id VARBINARY(128) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  id VARBINARY(40) NOT NULL,
  PRIMARY KEY (connection_id, external_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
