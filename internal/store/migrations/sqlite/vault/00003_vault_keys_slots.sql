-- +goose Up
ALTER TABLE vault_keys ADD COLUMN slot INTEGER NOT NULL DEFAULT 0; -- whose key of the keyring wraps it
ALTER TABLE vault_keys ADD COLUMN expires TEXT NOT NULL DEFAULT ''; -- week with which a lot ends
ALTER TABLE vault_keys ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vault_keys ADD COLUMN counted INTEGER NOT NULL DEFAULT 0; -- 1: the census of its slot counted it
CREATE INDEX vault_keys_slot ON vault_keys (slot);
CREATE INDEX vault_keys_kind ON vault_keys (kind, tenant_id, connection_id);
