-- +goose Up
ALTER TABLE vault_tags
  DROP PRIMARY KEY,
  DROP KEY vault_tags_tag,
  DROP KEY vault_tags_slot,
  ADD PRIMARY KEY (slot, link);
