-- +goose Up
CREATE TABLE fence_mark (
  one TINYINT NOT NULL PRIMARY KEY, -- always 1
  mark VARBINARY(40) NOT NULL -- another one after each transaction that fences somebody
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
