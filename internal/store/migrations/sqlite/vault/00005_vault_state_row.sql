-- +goose Up
INSERT INTO vault_state (one, revision, generation, ledger, leader, epoch, leads_until) VALUES (1, 0, 0, 0, '', 0, 0);
