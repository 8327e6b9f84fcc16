-- +goose Up
CREATE TABLE statements ( -- of one shop and day: whether the hub has every order; no row is ever changed
  tenant_id VARBINARY(40) NOT NULL,
  connection_id VARBINARY(40) NOT NULL,
  day VARBINARY(16) NOT NULL, -- in UTC: 2026-11-20
  revision BIGINT NOT NULL, -- from 1, dense
  id VARBINARY(40) NOT NULL,
  state VARBINARY(32) NOT NULL, -- equal, different, unknown
  code VARBINARY(64) NOT NULL, -- why it is unknown
  whole TINYINT NOT NULL, -- 1: about the whole day
  made_at BIGINT NOT NULL,
  differing BIGINT NOT NULL, -- differences that are not repaired
  fetching BIGINT NOT NULL, -- orders that are fetched again because of it
  doc MEDIUMBLOB NOT NULL, -- the signed bytes
  key_id VARBINARY(64) NOT NULL,
  public_key VARBINARY(64) NOT NULL,
  signature VARBINARY(128) NOT NULL,
  PRIMARY KEY (tenant_id, connection_id, day, revision),
  UNIQUE KEY statements_id (tenant_id, id),
  KEY statements_day (day, whole, connection_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
