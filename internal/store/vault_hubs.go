package store

import (
	"context"
	"database/sql"

	"hub"
	"hub/gdpr/forget"
)

// Report implements forget.Cycles.
func (v Vault) Report(ctx context.Context, h forget.Hub) error {
	const op = "reporting a hub"
	if err := within(op, field{"instance", h.Instance, maxInstance}); err != nil {
		return err
	}
	d, err := v.reach(ctx, op)
	if err != nil {
		return err
	}
	return v.s.do(ctx, d, func(ctx context.Context, t *tx) error {
		in := insertion{op: op, table: "vault_hubs", columns: []string{"instance", "generation", "seen_at"},
			tail: d.dialect.upsert("instance", "generation", "seen_at")}
		return t.insert(ctx, in, 1, func(_ int, r *row) { r.add(h.Instance, int64(h.Generation), micros(h.SeenAt)) })
	})
}

// Hubs implements forget.Cycles.
func (v Vault) Hubs(ctx context.Context) (all []forget.Hub, err error) {
	const query = "SELECT instance, generation, seen_at FROM vault_hubs ORDER BY instance"
	err = v.read(ctx, "reading the hubs", query, nil, func(r *sql.Rows) error {
		var h forget.Hub
		var seen int64
		err := r.Scan(&h.Instance, &h.Generation, &seen)
		h.SeenAt = moment(seen)
		all = append(all, h)
		return err
	})
	return all, err
}

// RemoveHub implements forget.Cycles.
func (v Vault) RemoveHub(ctx context.Context, instance string) error {
	const op = "removing a hub"
	d, err := v.reach(ctx, op)
	if err != nil {
		return err
	}
	return v.s.do(ctx, d, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, op, "DELETE FROM vault_hubs WHERE instance = ?", instance)
		if err == nil && n == 0 {
			err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: instance})
		}
		if err != nil {
			return err
		}
		return t.record(ctx, deed{action: ActionRemoveHub, target: clip(instance, maxTarget), count: 1})
	})
}
