-- +goose Up
CREATE TABLE hints (
  connection_id VARBINARY(40) NOT NULL,
  kind VARBINARY(64) NOT NULL,
  external_id VARBINARY(128) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL,
  topic VARBINARY(128) NOT NULL, -- of the newest hint
  newest_at BIGINT NOT NULL,
  hints BIGINT NOT NULL, -- how many there were
  PRIMARY KEY (connection_id, kind, external_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
