-- +goose Up
INSERT INTO barrier (id, passed) VALUES (1,0) ON DUPLICATE KEY UPDATE passed = passed;
