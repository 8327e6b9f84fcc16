-- +goose Up
CREATE TABLE disclosed ( -- what clients were served of one order each, a row for many answers; what older versions kept: disclosures
  tenant_id VARBINARY(40) NOT NULL,
  shelf BIGINT NOT NULL, -- by the order; 0: not filed yet
  id VARBINARY(40) NOT NULL,
  count BIGINT NOT NULL, -- of answers
  packed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (tenant_id, shelf, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
