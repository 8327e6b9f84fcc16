package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sort"
	"time"

	"hub"
	"hub/internal/orders"
	"hub/internal/reconcile"
)

// skewed is by how much the clock of a hub may have been behind the platform's when it stored an order.
const skewed = time.Hour

// Rebuild implements reconcile.Orders. It reads the tenant's feed from that day on, so it takes as long as that is long; the
// rows are made in one transaction.
func (r Reconcilable) Rebuild(ctx context.Context, n reconcile.Name, ids []hub.ExternalID, since time.Time) (made int, err error) {
	const op = "rebuilding rows of orders"
	traces, err := r.traces(ctx, n, ids, since)
	if err != nil || len(traces) == 0 {
		return 0, err
	}
	keys := make([]orders.Key, 0, len(traces))
	for key := range traces {
		keys = append(keys, key)
	}
	err = r.s.Do(ctx, r.s.Of(n.Tenant), func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		there, err := r.s.Orders().Lock(ctx, token, keys)
		if err != nil {
			return err
		}
		// Nobody knows any more whether somebody in these orders was erased. When anybody of the tenant was since, nothing
		// personal comes back into them.
		erased, err := r.s.Intake().Erased(ctx, token, n.Tenant, since.Add(-skewed))
		if err != nil {
			return err
		}
		var rows []orders.Stored
		for key, trace := range traces {
			if _, known := there[key]; !known {
				row := trace.row(key)
				row.Erased = erased
				rows = append(rows, row)
			}
		}
		if made = len(rows); made == 0 {
			return nil
		}
		err = r.s.Orders().Save(ctx, token, rows)
		if err == nil {
			err = t.record(ctx, deed{action: "order.rebuild", tenant: n.Tenant, target: string(n.Connection), count: int64(made)})
		}
		return err
	})
	return made, err
}

// trace is what the feed tells of an order: the change of its last revision, and when its first was made.
type trace struct {
	hub.Change
	created time.Time
}

// row has the order's identity and last record, and no version.
func (t trace) row(key orders.Key) orders.Stored {
	var record hub.Order
	_ = json.Unmarshal(t.Doc, &record) // traces has read it
	record.ID, record.Revision = t.OrderID, t.Revision
	row := orders.Rebuilt(key, record)
	row.CreatedAt, row.UpdatedAt, row.Doc = t.created, t.Time, t.Doc
	return row
}

// traces looks for orders in the feed.
func (r Reconcilable) traces(ctx context.Context, n reconcile.Name, ids []hub.ExternalID, since time.Time) (map[orders.Key]trace, error) {
	wanted := make(map[hub.ExternalID]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	after, err := r.before(ctx, n.Tenant, since.Add(-skewed))
	if err != nil {
		return nil, err
	}
	found := map[orders.Key]trace{}
	for {
		page, err := r.s.ERP().Changes(ctx, n.Tenant, hub.StreamOrders, after, feedAtOnce)
		if err != nil || len(page) == 0 {
			return found, err
		}
		after = page[len(page)-1].Sequence
		for _, c := range page {
			var o struct {
				Connection hub.ConnectionID `json:"connection_id"`
				External   hub.ExternalID   `json:"external_id"`
			}
			if json.Unmarshal(c.Doc, &o) != nil || o.Connection != n.Connection || !wanted[o.External] {
				continue
			}
			key := orders.Key{Tenant: n.Tenant, Connection: o.Connection, External: o.External}
			first, known := found[key]
			t := trace{c, c.Time}
			if known {
				t.created = first.created
			}
			found[key] = t
		}
	}
}

// feedAtOnce is how many changes of the feed are read at once.
const feedAtOnce = 500

// before returns a number of the feed behind which all changes of that time and later are.
func (r Reconcilable) before(ctx context.Context, tenant hub.TenantID, at time.Time) (int64, error) {
	const op = "looking for a time in the feed"
	d, err := r.s.of(ctx, tenant)
	if err != nil {
		return 0, err
	}
	var last int64
	scan := func(into *int64) func(*sql.Rows) error { return func(rows *sql.Rows) error { return rows.Scan(into) } }
	err = d.query(ctx, op, "SELECT sequence FROM feed_head WHERE tenant_id = ? AND stream = ?", []any{string(tenant), string(hub.StreamOrders)}, scan(&last))
	if err != nil {
		return 0, err
	}
	var errs []error
	n := sort.Search(int(last), func(i int) bool {
		var its int64
		errs = append(errs, d.query(ctx, op, "SELECT time FROM feed WHERE tenant_id = ? AND stream = ? AND sequence > ? ORDER BY sequence LIMIT 1",
			[]any{string(tenant), string(hub.StreamOrders), int64(i)}, scan(&its)))
		return its >= micros(at)
	})
	return int64(n), errors.Join(errs...)
}
