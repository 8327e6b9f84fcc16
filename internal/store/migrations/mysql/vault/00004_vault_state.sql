-- +goose Up
CREATE TABLE vault_state (
  one TINYINT NOT NULL, -- always 1: the table has one row
  revision BIGINT NOT NULL, -- of the keyring
  generation BIGINT NOT NULL, -- of the newest keyring's root
  ledger BIGINT NOT NULL, -- number of the newest entry
  leader VARBINARY(64) NOT NULL, -- of the forget cycle
  epoch BIGINT NOT NULL, -- raised with every change of leader
  leads_until BIGINT NOT NULL,
  PRIMARY KEY (one)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
