-- +goose Up
INSERT OR IGNORE INTO idle_subjects (subject_id, tenant_id) -- who may have left all orders before hubs remembered that
SELECT p.subject_id, MIN(p.tenant_id) FROM subject_places p
WHERE p.place = 'orders' AND NOT EXISTS (SELECT 1 FROM subject_places r WHERE r.subject_id = p.subject_id AND r.place = 'raws')
GROUP BY p.subject_id;
