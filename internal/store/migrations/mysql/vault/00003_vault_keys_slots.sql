-- +goose Up
ALTER TABLE vault_keys
  ADD COLUMN slot INT NOT NULL DEFAULT 0, -- whose key of the keyring wraps it
  ADD COLUMN expires VARBINARY(16) NOT NULL DEFAULT '', -- week with which a lot ends
  ADD COLUMN generation BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN counted TINYINT NOT NULL DEFAULT 0, -- 1: the census of its slot counted it
  ADD KEY vault_keys_slot (slot),
  ADD KEY vault_keys_kind (kind, tenant_id, connection_id);
