package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"hub"
	"hub/internal/intake"
	"hub/internal/orders"
)

// fewParked is how many open parked deliveries of the connections of a batch are read whole. Of more, those of the batch's
// own orders are looked up.
const fewParked = 256

// waiting is an open parked delivery of a known order.
type waiting struct {
	id     hub.ParkedID
	order  rowKey
	source int64
}

// Supersede implements intake.Repo.
func (Intake) Supersede(ctx context.Context, token hub.Tx, list []intake.Newest) error {
	const op = "closing parked deliveries"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	newest := make(map[rowKey]intake.Newest, len(list))
	for _, n := range list {
		if err := t.owns(op, n.Order.Tenant); err != nil {
			return err
		}
		newest[rowKey{n.Order.Connection, n.Order.External}] = n
	}
	parked, err := t.waiting(ctx, op, list)
	if err != nil {
		return err
	}
	for _, p := range parked {
		n, ok := newest[p.order]
		// Of two states with one time of the source either may be the further one: only applying tells.
		if !ok || p.source == 0 || p.source >= micros(n.SourceUpdatedAt) {
			continue
		}
		if err := t.maybeIdleParked(ctx, op, p.id); err != nil {
			return err
		}
		_, err := t.exec(ctx, op, "UPDATE parked SET state = ?, sealed = NULL, expires = '', closed_by = ? WHERE id = ? AND state = ?",
			string(intake.ParkedClosed), n.Revision, string(p.id), string(intake.ParkedOpen))
		if err != nil {
			return err
		}
	}
	return nil
}

// waiting reads the open parked deliveries of the orders, and maybe of others, and locks them. As a rule there are none,
// and one statement finds that out by the connections alone. A reading without a lock would not see what another
// transaction parks at this moment.
func (t *tx) waiting(ctx context.Context, op string, list []intake.Newest) (parked []waiting, err error) {
	connections := make([]hub.ConnectionID, len(list))
	for i, n := range list {
		connections[i] = n.Order.Connection
	}
	slices.Sort(connections)
	connections = slices.Compact(connections)
	scan := func(r *sql.Rows) error {
		var w waiting
		err := r.Scan(&w.id, &w.order.connection, &w.order.external, &w.source)
		parked = append(parked, w)
		return err
	}
	sel := selection{
		op: op, columns: "id, connection_id, external_id, source_at", table: "parked" + t.d.dialect.by("parked_order"),
		keys: []string{"connection_id"}, and: " AND state = 'open' AND external_id > ''",
		tail: " LIMIT " + strconv.Itoa(fewParked+1) + t.d.dialect.forUpdate,
	}
	err = t.find(ctx, sel, len(connections), func(i int, r *row) { r.add(string(connections[i])) }, scan)
	if err != nil || len(parked) <= fewParked {
		return parked, err
	}
	parked = nil
	sorted := slices.SortedFunc(slices.Values(list), func(a, b intake.Newest) int { return compareOrders(a.Order, b.Order) })
	sel.keys, sel.and, sel.tail = []string{"connection_id", "state", "external_id"}, "", t.d.dialect.forUpdate
	err = t.find(ctx, sel, len(sorted), func(i int, r *row) {
		o := orders.Key(sorted[i].Order)
		r.add(string(o.Connection), string(intake.ParkedOpen), string(o.External))
	}, scan)
	return parked, err
}
