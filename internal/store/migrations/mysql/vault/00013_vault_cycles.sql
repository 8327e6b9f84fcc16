-- +goose Up
CREATE TABLE vault_cycles (
  number BIGINT NOT NULL,
  phase VARBINARY(16) NOT NULL,
  from_root BIGINT NOT NULL,
  to_root BIGINT NOT NULL,
  ledger BIGINT NOT NULL,
  kills BIGINT NOT NULL,
  weeks BIGINT NOT NULL,
  slots BIGINT NOT NULL,
  rewrapped BIGINT NOT NULL,
  began_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  waits_for BLOB NOT NULL, -- JSON list of instances
  gone_root BIGINT NOT NULL, -- the receipt
  gone_at BIGINT NOT NULL,
  gone_method VARBINARY(512) NOT NULL,
  gone_same_volume TINYINT NOT NULL,
  PRIMARY KEY (number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
