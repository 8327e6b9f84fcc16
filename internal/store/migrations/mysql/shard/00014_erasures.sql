-- +goose Up
CREATE TABLE erasures (
  id VARBINARY(40) NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL, -- in the vault; 0 while it has none
  what VARBINARY(16) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  subject_id VARBINARY(40) NOT NULL,
  reason VARBINARY(32) NOT NULL,
  at BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
