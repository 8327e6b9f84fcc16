-- +goose Up
CREATE TABLE relay_lines (
  tenant_id VARBINARY(40) NOT NULL,
  stream VARBINARY(32) NOT NULL,
  told BIGINT NOT NULL, -- sequence of the last change that the broker has, or more may be told than is known here
  position BIGINT NOT NULL, -- of its message there; 0 when not known
  PRIMARY KEY (tenant_id, stream)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
