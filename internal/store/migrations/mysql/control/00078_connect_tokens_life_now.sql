-- +goose Up
UPDATE connect_tokens SET life = 1 WHERE standing = 'disconnected';
