package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"hub"
	"hub/internal/orders"
)

// Which id an order was given stands in order_ids from the transaction that first stored it. Whoever deletes a row of orders by
// hand, or loses it with a damaged page, does not lose that, and the feed knows by the id what was told. A really new order costs
// one look at that table for all of a batch, and one row.

// named notes the ids of new rows. One that was noted for an order of which nothing was told gives way.
func (t *tx) named(ctx context.Context, op string, fresh []*orders.Stored) error {
	in := insertion{op: op, table: "order_ids", columns: []string{"connection_id", "external_id", "tenant_id", "id"},
		tail: t.d.dialect.upsert("connection_id, external_id", "id")}
	err := t.insert(ctx, in, len(fresh), func(i int, r *row) {
		o := fresh[i]
		r.add(string(o.Connection), string(o.External), string(o.Tenant), string(o.ID))
	})
	var deeds []deed
	for _, o := range fresh {
		if o.Lost {
			deeds = append(deeds, deed{action: "order.rebuild", tenant: o.Tenant, target: string(o.ID), count: 1})
		}
	}
	if err != nil || len(deeds) == 0 {
		return err
	}
	return t.record(ctx, deeds...)
}

// Lost implements orders.Repo.
func (o Orders) Lost(ctx context.Context, token hub.Tx, keys []orders.Key) (map[orders.Key]orders.Stored, error) {
	const op = "looking for lost orders"
	t, err := open(token, op)
	if err != nil {
		return nil, err
	}
	ids, err := t.idsOf(ctx, op, keys)
	if err != nil {
		return nil, err
	}
	lost := make(map[orders.Key]orders.Stored, len(ids))
	for key, id := range ids {
		last, first, err := t.told(ctx, op, key.Tenant, id)
		if err != nil {
			return nil, err
		}
		if last.Revision == 0 {
			continue
		}
		row := orders.Rebuilt(key, last)
		row.CreatedAt = first
		if row.Erased, err = o.s.Intake().Erased(ctx, token, key.Tenant, first.Add(-skewed)); err != nil {
			return nil, err
		}
		lost[key] = row
	}
	return lost, nil
}

// skewed is by how much the clock of a hub that erased somebody may have been behind that of the hub that stored an order.
const skewed = time.Hour

// idsOf reads which of the orders were given an id, and which.
func (t *tx) idsOf(ctx context.Context, op string, keys []orders.Key) (map[orders.Key]hub.OrderID, error) {
	sorted := slices.SortedFunc(slices.Values(keys), compareOrders)
	sel := selection{op: op, columns: "connection_id, external_id, tenant_id, id", table: "order_ids" + t.d.dialect.by(primary),
		keys: []string{"connection_id", "external_id"}}
	found := map[orders.Key]hub.OrderID{}
	err := t.find(ctx, sel, len(sorted), func(i int, r *row) {
		r.add(string(sorted[i].Connection), string(sorted[i].External))
	}, func(rows *sql.Rows) error {
		var key orders.Key
		var id hub.OrderID
		err := rows.Scan(&key.Connection, &key.External, &key.Tenant, &id)
		if _, asked := slices.BinarySearchFunc(sorted, key, compareOrders); asked {
			found[key] = id
		}
		return err
	})
	return found, err
}

// told reads the last change that the feed has of an order, and when its first was made. The zero Change: it has none.
func (t *tx) told(ctx context.Context, op string, tenant hub.TenantID, id hub.OrderID) (last hub.Change, first time.Time, err error) {
	var began int64
	of := []any{string(tenant), string(id), string(hub.StreamOrders)}
	err = t.query(ctx, op, "SELECT COALESCE(MAX(sequence), 0), COALESCE(MIN(time), 0) FROM feed"+t.d.dialect.by("feed_order")+
		" WHERE tenant_id = ? AND order_id = ? AND stream = ?", of, func(r *sql.Rows) error { return r.Scan(&last.Sequence, &began) })
	if err != nil || last.Sequence == 0 {
		return hub.Change{}, time.Time{}, err
	}
	last.OrderID = id
	err = t.query(ctx, op, "SELECT time, revision, doc FROM feed WHERE tenant_id = ? AND stream = ? AND sequence = ?",
		[]any{string(tenant), string(hub.StreamOrders), last.Sequence}, func(r *sql.Rows) error {
			var at int64
			err := r.Scan(&at, &last.Revision, &last.Doc)
			last.Time = moment(at)
			return err
		})
	return last, moment(began), err
}
