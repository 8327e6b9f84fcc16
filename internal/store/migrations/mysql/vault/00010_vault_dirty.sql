-- +goose Up
CREATE TABLE vault_dirty (
  slot INT NOT NULL,
  number BIGINT NOT NULL, -- newest entry of the ledger when something died in it
  cycle BIGINT NOT NULL, -- that ran then; 0 when none did
  PRIMARY KEY (slot)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
