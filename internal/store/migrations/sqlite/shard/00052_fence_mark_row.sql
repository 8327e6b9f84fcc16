-- +goose Up
INSERT INTO fence_mark (one, mark) VALUES (1, '');
