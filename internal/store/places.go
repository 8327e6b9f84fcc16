package store

import (
	"context"
	"database/sql"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Count implements forget.Shard. A row of two of the subjects counts once. Nobody is registered with parked deliveries, so
// they are absent: they must be opened to know.
func (u Subjects) Count(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) (map[gdpr.Location]int64, error) {
	const op = "counting what subjects hold"
	d, err := u.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	type place struct {
		place gdpr.Location
		row   string
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(subjects)))
	rows := map[place]bool{}
	sel := selection{op: op, columns: "place, row_id, tenant_id", table: "subject_places" + d.dialect.by(primary), keys: []string{"subject_id"}}
	err = d.find(ctx, sel, len(sorted), func(i int, r *row) { r.add(string(sorted[i])) }, func(r *sql.Rows) error {
		var p place
		var its hub.TenantID
		err := r.Scan(&p.place, &p.row, &its)
		if its == tenant {
			rows[p] = true
		}
		return err
	})
	if err == nil && len(rows) > 0 {
		err = d.flushed(ctx)
	}
	if err != nil {
		return nil, err
	}
	counts := map[gdpr.Location]int64{}
	for p := range rows {
		counts[p.place]++
	}
	return counts, nil
}

// Anybody implements forget.Shard. Orders and payloads always have a tenant.
func (u Subjects) Anybody(ctx context.Context) (map[gdpr.Location]forget.Anybody, error) {
	d, err := u.s.of(ctx, hub.Operator)
	if err != nil {
		return nil, err
	}
	all := map[gdpr.Location]forget.Anybody{}
	query := "SELECT COUNT(*), COALESCE(MAX(expires), '') FROM parked" + d.dialect.by("parked_tenant") + " WHERE tenant_id = ? AND sealed IS NOT NULL"
	err = d.query(ctx, "counting what belongs to no tenant", query, []any{string(hub.Operator)}, func(r *sql.Rows) error {
		var a forget.Anybody
		err := r.Scan(&a.Rows, &a.Until)
		if a.Rows > 0 {
			all[gdpr.InParked] = a
		}
		return err
	})
	if err == nil && len(all) > 0 {
		err = d.flushed(ctx)
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// OrdersOf implements forget.Shard.
func (u Subjects) OrdersOf(ctx context.Context, tenant hub.TenantID, subject gdpr.SubjectID, after hub.OrderID, limit int) ([]hub.OrderID, error) {
	d, err := u.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	const query = "SELECT row_id FROM subject_places WHERE subject_id = ? AND place = 'orders' AND row_id > ? AND tenant_id = ? ORDER BY row_id LIMIT ?"
	args := []any{string(subject), string(after), string(tenant), limit}
	return listed(ctx, d, "listing a subject's orders", query, args, func(r *sql.Rows) (id hub.OrderID, err error) {
		err = r.Scan(&id)
		return id, err
	})
}

// Unparsed implements forget.Shard. The caller holds limit deliveries in memory, each up to 7 MiB.
func (u Subjects) Unparsed(ctx context.Context, tenant hub.TenantID, after hub.ParkedID, limit int) ([]forget.Unparsed, error) {
	d, err := u.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	query := "SELECT id, sealed FROM parked" + d.dialect.by("parked_tenant") + " WHERE tenant_id = ? AND id > ? AND sealed IS NOT NULL ORDER BY id LIMIT ?"
	args := []any{string(tenant), string(after), limit}
	return listed(ctx, d, "reading parked deliveries", query, args, func(r *sql.Rows) (p forget.Unparsed, err error) {
		err = r.Scan(&p.ID, &p.Sealed)
		return p, err
	})
}
