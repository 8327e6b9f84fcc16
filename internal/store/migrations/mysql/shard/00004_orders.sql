-- +goose Up
CREATE TABLE orders (
  connection_id VARBINARY(40) NOT NULL,
  external_id VARBINARY(128) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  id VARBINARY(40) NOT NULL,
  revision BIGINT NOT NULL,
  source_updated_at BIGINT NOT NULL, -- times are Unix microseconds; 0 is absent
  cancelled TINYINT NOT NULL,
  refunded BIGINT NOT NULL, -- minor units
  payment_rank INT NOT NULL,
  fulfillment_rank INT NOT NULL,
  digest VARBINARY(32) NOT NULL,
  status VARBINARY(32) NOT NULL,
  platform VARBINARY(32) NOT NULL,
  placed_at BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  doc MEDIUMBLOB, -- the business record, P3 only
  personal MEDIUMBLOB, -- sealed
  sealed_at BIGINT NOT NULL, -- the revision that personal was sealed at
  PRIMARY KEY (connection_id, external_id),
  UNIQUE KEY orders_id (id),
  KEY orders_tenant (tenant_id, id),
  KEY orders_external (tenant_id, external_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
