-- +goose Up
CREATE TABLE vault_ended (
  id VARBINARY(64) NOT NULL, -- of a key that the census of its slot counted and the ledger ended
  slot INT NOT NULL,
  PRIMARY KEY (id),
  KEY vault_ended_slot (slot)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
