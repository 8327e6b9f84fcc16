-- +goose Up
INSERT INTO fence_mark (one, mark) VALUES (1, '')
  ON DUPLICATE KEY UPDATE mark = mark;
