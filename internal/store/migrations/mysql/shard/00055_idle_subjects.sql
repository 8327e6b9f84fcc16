-- +goose Up
CREATE TABLE idle_subjects (
  subject_id VARBINARY(40) NOT NULL PRIMARY KEY, -- of whom something was dropped: maybe nothing is left
  tenant_id VARBINARY(40) NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
