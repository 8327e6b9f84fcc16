-- +goose Up
CREATE TABLE vault_keyrings (
  generation BIGINT NOT NULL, -- of the root that seals it
  revision BIGINT NOT NULL,
  sealed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (generation)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
