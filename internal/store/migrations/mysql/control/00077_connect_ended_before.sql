-- +goose Up
INSERT INTO connect_ended (connection_id, life, tenant_id) SELECT connection_id, 0, tenant_id FROM connect_tokens WHERE standing = 'disconnected';
