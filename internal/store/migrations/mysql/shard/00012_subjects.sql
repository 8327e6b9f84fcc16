-- +goose Up
CREATE TABLE subjects (
  subject_id VARBINARY(40) NOT NULL PRIMARY KEY,
  tenant_id VARBINARY(40) NOT NULL,
  state VARBINARY(16) NOT NULL, -- live, erasing, erased: it only moves forward
  at BIGINT NOT NULL -- of the state
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
