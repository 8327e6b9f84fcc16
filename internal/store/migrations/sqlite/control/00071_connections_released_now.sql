-- +goose Up
UPDATE connections SET released = id WHERE id IN (SELECT connection_id FROM connect_tokens WHERE standing = 'disconnected');
