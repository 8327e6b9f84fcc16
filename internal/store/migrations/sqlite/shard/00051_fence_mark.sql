-- +goose Up
CREATE TABLE fence_mark (
  one INTEGER NOT NULL PRIMARY KEY, -- always 1
  mark TEXT NOT NULL -- another one after each transaction that fences somebody
);
