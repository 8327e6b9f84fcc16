-- +goose Up
-- Rows in the order in which they came, and two thin indexes: those of one order would otherwise lie on as many pages.
CREATE TABLE vault_tags_new (
  link BLOB NOT NULL,
  tag BLOB NOT NULL,
  slot INTEGER NOT NULL,
  owner BLOB NOT NULL,
  identity INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  generation INTEGER NOT NULL
);
INSERT INTO vault_tags_new (link, tag, slot, owner, identity, sealed, generation)
  SELECT link, tag, slot, owner, identity, sealed, generation FROM vault_tags;
DROP TABLE vault_tags;
ALTER TABLE vault_tags_new RENAME TO vault_tags;
CREATE UNIQUE INDEX vault_tags_link ON vault_tags (slot, link);
CREATE INDEX vault_tags_owner ON vault_tags (owner, identity);
