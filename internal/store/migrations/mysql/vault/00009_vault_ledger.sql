-- +goose Up
CREATE TABLE vault_ledger (
  number BIGINT NOT NULL, -- from 1, without holes, in the order of commits
  id VARBINARY(40) NOT NULL,
  what VARBINARY(16) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  subject_id VARBINARY(40) NOT NULL, -- or a connection, a tenant, a parked delivery
  reason VARBINARY(32) NOT NULL,
  at BIGINT NOT NULL,
  person TINYINT NOT NULL, -- 1: the subject is one
  PRIMARY KEY (number),
  UNIQUE KEY vault_ledger_id (id),
  KEY vault_ledger_subject (subject_id, what)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
