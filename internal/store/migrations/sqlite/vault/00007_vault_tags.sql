-- +goose Up
CREATE TABLE vault_tags (
  link BLOB NOT NULL,
  tag BLOB NOT NULL,
  slot INTEGER NOT NULL,
  owner BLOB NOT NULL,
  identity INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  generation INTEGER NOT NULL,
  PRIMARY KEY (link)
) WITHOUT ROWID;
CREATE INDEX vault_tags_tag ON vault_tags (tag);
CREATE INDEX vault_tags_slot ON vault_tags (slot);
CREATE INDEX vault_tags_owner ON vault_tags (owner, identity);
