-- +goose Up
CREATE TABLE connect_ended (
  connection_id VARBINARY(40) NOT NULL,
  life BIGINT NOT NULL, -- whose credential key is to be killed
  tenant_id VARBINARY(40) NOT NULL,
  PRIMARY KEY (connection_id, life)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
