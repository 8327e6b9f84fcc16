package storetest

import (
	"context"
	"fmt"
	"time"

	"hub"
	"hub/gdpr/forget"
	"hub/internal/orders"
	"hub/internal/reconcile"
)

// testRebuild gives orders whose rows are gone their rows back, from the feed: with their ids, and older than anything that a
// platform tells; of this tenant and shop alone, and not those of before.
func testRebuild(e *env) {
	from := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	tenants := e.tenants(2)
	keep := func(tenant hub.TenantID, external string, at time.Time, revisions int64) orders.Stored {
		e.Helper()
		o, status := e.order(tenant, external), "open"
		if external == "a" {
			status = "cancelled"
		}
		for o.Revision = 1; ; o.Revision++ {
			o.UpdatedAt = at.Add(time.Duration(o.Revision) * time.Minute)
			o.Doc = fmt.Appendf(nil, `{"connection_id":%q,"external_id":%q,"status":%q,"totals":{"refunded":{"amount":"0.05","currency":"USD"}},"platform":"shopify","number":"#9","placed_at":"2026-11-20T09:00:00Z","revision":%d}`,
				o.Connection, external, status, o.Revision)
			e.save(o)
			if o.New = false; o.Revision == revisions {
				return o
			}
		}
	}
	old := keep(tenants[0], "old", from.Add(-48*time.Hour), 1)
	for i := range 600 { // more than a page
		keep(tenants[0], fmt.Sprint("x", i), from.Add(-24*time.Hour), 1)
	}
	first, second := keep(tenants[0], "a", from, 3), keep(tenants[0], "b", from, 1)
	there, foreign := keep(tenants[0], "there", from, 2), keep(tenants[1], "a", from, 1)
	for _, o := range []orders.Stored{old, first, second, foreign} {
		for _, name := range e.Config.Shards {
			_, err := e.db(name).ExecContext(e.Context(), "DELETE FROM orders WHERE id = '"+string(o.ID)+"'")
			must(e, err)
		}
	}
	r, n := e.s.Reconcilable(), reconcile.Name{Tenant: tenants[0], Connection: first.Connection}
	ids := []hub.ExternalID{"old", "a", "b", "there", "never"}
	for name, other := range map[string]reconcile.Name{
		"another shop":   {Tenant: n.Tenant, Connection: "con_other"},
		"another tenant": {Tenant: foreign.Tenant, Connection: n.Connection},
	} {
		if made, err := r.Rebuild(e.Context(), other, ids, from); made != 0 || err != nil {
			e.Errorf("%s: %d rows, %v", name, made, err)
		}
	}
	erased := tenants[1]
	entry := e.entry(1, forget.Killed, erased, e.subject())
	e.apply(erased, nil, entry)
	theirs := reconcile.Name{Tenant: erased, Connection: foreign.Connection}
	if made, err := r.Rebuild(e.Context(), theirs, ids, from); made != 1 || err != nil || !e.lock(foreign.Key)[foreign.Key].Erased {
		e.Errorf("%d rows of a tenant of whom somebody was erased, %v: anything personal may come back", made, err)
	}
	for _, want := range []int{2, 0} {
		if made, err := r.Rebuild(e.Context(), n, ids, from); made != want || err != nil {
			e.Errorf("%d rows, want %d, %v", made, want, err)
		}
	}
	rows := e.lock(first.Key, second.Key, there.Key, old.Key)
	if len(rows) != 3 || rows[there.Key].Version != there.Version {
		e.Errorf("%d rows", len(rows))
	}
	for _, was := range []orders.Stored{first, second} {
		got := rows[was.Key]
		if got.ID != was.ID || got.Revision != was.Revision || string(got.Doc) != string(was.Doc) || got.Version != (orders.Version{Cancelled: was.External == "a", Refunded: 5}) || got.Erased || got.Number != "#9" ||
			!got.PlacedAt.Equal(from) || !got.CreatedAt.Equal(from.Add(time.Minute)) || !got.UpdatedAt.Equal(was.UpdatedAt) || got.Personal != nil {
			e.Errorf("%s came back as %+v", was.External, got)
		}
	}
	if held, err := r.Held(e.Context(), n, ids); err != nil || len(held) != 1 {
		e.Errorf("%d held, %v: what was rebuilt waits to be fetched", len(held), err)
	}
	if placed, err := r.Placed(e.Context(), n, from, from.Add(time.Second), reconcile.Held{}, 9); err != nil || len(placed) != 0 {
		e.Errorf("%d placed, %v", len(placed), err)
	}
	e.do(n.Tenant, func(ctx context.Context, tx hub.Tx) error {
		o := rows[first.Key]
		o.Version, o.Revision, o.New = first.Version, o.Revision+1, false
		return e.put(ctx, tx, o)
	})
	if held, err := r.Held(e.Context(), n, ids); err != nil || len(held) != 2 {
		e.Errorf("after it was fetched %d held, %v", len(held), err)
	}
}
