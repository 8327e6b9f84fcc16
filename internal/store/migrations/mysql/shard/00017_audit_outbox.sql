-- +goose Up
CREATE TABLE audit_outbox (
  hub VARBINARY(64) NOT NULL, -- the instance that wrote the row and moves it into its log
  id VARBINARY(40) NOT NULL,
  tenant_id VARBINARY(40) NOT NULL, -- empty: none, or several
  at BIGINT NOT NULL,
  actor_key VARBINARY(40) NOT NULL,
  role VARBINARY(32) NOT NULL,
  request_id VARBINARY(64) NOT NULL,
  action VARBINARY(64) NOT NULL,
  target VARBINARY(64) NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (hub, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
