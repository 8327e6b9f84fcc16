-- +goose Up
CREATE TABLE fetches ( -- how far the orders of a shop were read from its platform
  tenant_id VARBINARY(40) NOT NULL,
  connection_id VARBINARY(40) NOT NULL,
  polled BIGINT NOT NULL DEFAULT 0, -- every change up to then was taken
  polled_at BIGINT NOT NULL DEFAULT 0, -- when the last poll ended well
  poll_trouble VARBINARY(64) NOT NULL DEFAULT '', -- code of what went wrong since
  backfill_from BIGINT NOT NULL DEFAULT 0, -- window of creation
  backfill_to BIGINT NOT NULL DEFAULT 0, -- 0: none was asked for
  backfill_cursor VARBINARY(2048) NOT NULL DEFAULT '', -- the driver's
  backfill_orders BIGINT NOT NULL DEFAULT 0,
  backfill_total BIGINT NOT NULL DEFAULT 0, -- 0: the platform does not say
  backfill_reached BIGINT NOT NULL DEFAULT 0, -- everything placed since then was taken
  backfill_ended_at BIGINT NOT NULL DEFAULT 0,
  backfill_trouble VARBINARY(64) NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, connection_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
