-- +goose Up
CREATE TABLE fetches ( -- how far the orders of a shop were read from its platform
  tenant_id TEXT NOT NULL,
  connection_id TEXT NOT NULL,
  polled INTEGER NOT NULL DEFAULT 0, -- every change up to then was taken
  polled_at INTEGER NOT NULL DEFAULT 0, -- when the last poll ended well
  poll_trouble TEXT NOT NULL DEFAULT '', -- code of what went wrong since
  backfill_from INTEGER NOT NULL DEFAULT 0, -- window of creation
  backfill_to INTEGER NOT NULL DEFAULT 0, -- 0: none was asked for
  backfill_cursor TEXT NOT NULL DEFAULT '', -- the driver's
  backfill_orders INTEGER NOT NULL DEFAULT 0,
  backfill_total INTEGER NOT NULL DEFAULT 0, -- 0: the platform does not say
  backfill_reached INTEGER NOT NULL DEFAULT 0, -- everything placed since then was taken
  backfill_ended_at INTEGER NOT NULL DEFAULT 0,
  backfill_trouble TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, connection_id)
) WITHOUT ROWID;
