-- +goose Up
CREATE TABLE vault_tags (
  link VARBINARY(32) NOT NULL,
  tag VARBINARY(32) NOT NULL,
  slot INT NOT NULL,
  owner VARBINARY(16) NOT NULL,
  identity TINYINT NOT NULL,
  sealed VARBINARY(255) NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (link),
  KEY vault_tags_tag (tag),
  KEY vault_tags_slot (slot),
  KEY vault_tags_owner (owner, identity)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
