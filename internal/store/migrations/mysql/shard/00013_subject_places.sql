-- +goose Up
CREATE TABLE subject_places (
  subject_id VARBINARY(40) NOT NULL,
  place VARBINARY(16) NOT NULL, -- orders, raws
  row_id VARBINARY(40) NOT NULL, -- the order's id, the payload's reference
  tenant_id VARBINARY(40) NOT NULL,
  PRIMARY KEY (subject_id, place, row_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
