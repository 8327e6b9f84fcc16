-- +goose Up
INSERT INTO relay (one, leader, epoch, leads_until, created, position, change_id, told_at) VALUES (1, '', 0, 0, 0, 0, '', 0);
