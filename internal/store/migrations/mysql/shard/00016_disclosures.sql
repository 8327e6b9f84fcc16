-- +goose Up
CREATE TABLE disclosures (
  tenant_id VARBINARY(40) NOT NULL,
  disclosed_at BIGINT NOT NULL,
  id VARBINARY(40) NOT NULL,
  client VARBINARY(128) NOT NULL,
  key_id VARBINARY(40) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  order_id VARBINARY(40) NOT NULL,
  revision BIGINT NOT NULL,
  fields BIGINT NOT NULL, -- bit mask of hub.PersonalFields
  PRIMARY KEY (tenant_id, disclosed_at, id),
  KEY disclosures_order (tenant_id, order_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
