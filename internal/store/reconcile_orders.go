package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"hub"
	"hub/internal/intake"
	"hub/internal/reconcile"
)

// Reconcilable implements reconcile.Orders.
type Reconcilable struct{ s *Store }

var _ reconcile.Orders = Reconcilable{}

// Reconcilable returns the orders to hold against what platforms list.
func (s *Store) Reconcilable() Reconcilable { return Reconcilable{s} }

const heldColumns = "id, external_id, placed_at, source_updated_at, cancelled, deleted_at, doc, tenant_id"

// scanHeld reads one order; what belongs to another tenant is not kept.
func scanHeld(rows *sql.Rows, tenant hub.TenantID, keep func(reconcile.Held)) error {
	var h reconcile.Held
	var placed, changed, deleted int64
	var doc sql.RawBytes
	var its hub.TenantID
	if err := rows.Scan(&h.ID, &h.External, &placed, &changed, &h.Cancelled, &deleted, &doc, &its); err != nil || its != tenant {
		return err
	}
	h.PlacedAt, h.ChangedAt, h.Deleted = moment(placed), moment(changed), deleted != 0
	h.Total, h.Unshipped = grandTotals(doc)
	keep(h)
	return nil
}

// grandTotals reads the grand total from the record of an order, and makes it one without shipping; nil what cannot be read.
// Shipping that is not known is not in the grand total.
func grandTotals(doc []byte) (grand, unshipped *hub.Money) {
	var order struct {
		Totals struct {
			GrandTotal *hub.Money `json:"grand_total"`
			Shipping   *hub.Money `json:"shipping"`
		} `json:"totals"`
	}
	if len(doc) == 0 || json.Unmarshal(doc, &order) != nil {
		return nil, nil
	}
	grand = order.Totals.GrandTotal
	if grand == nil || order.Totals.Shipping == nil {
		return grand, grand
	}
	rest, err := grand.Sub(*order.Totals.Shipping)
	if err != nil {
		return grand, nil
	}
	return grand, &rest
}

// Placed implements reconcile.Orders.
func (r Reconcilable) Placed(ctx context.Context, n reconcile.Name, from, to time.Time, after reconcile.Held, limit int) ([]reconcile.Held, error) {
	d, err := r.s.of(ctx, n.Tenant)
	if err != nil {
		return nil, err
	}
	query := "SELECT " + heldColumns + " FROM orders" + d.dialect.by("orders_placed") +
		" WHERE connection_id = ? AND placed_at >= ? AND placed_at < ? AND (placed_at > ? OR placed_at = ? AND external_id > ?)" +
		" ORDER BY placed_at, external_id LIMIT ?"
	at := micros(after.PlacedAt)
	args := []any{string(n.Connection), max(micros(from), at), micros(to), at, at, string(after.External), limit}
	var list []reconcile.Held
	err = d.query(ctx, opHeld, query, args, func(rows *sql.Rows) error {
		return scanHeld(rows, n.Tenant, func(h reconcile.Held) { list = append(list, h) })
	})
	return r.acknowledged(ctx, d, n, list, err)
}

const opHeld = "reading orders to reconcile"

// Held implements reconcile.Orders.
func (r Reconcilable) Held(ctx context.Context, n reconcile.Name, ids []hub.ExternalID) ([]reconcile.Held, error) {
	d, err := r.s.of(ctx, n.Tenant)
	if err != nil {
		return nil, err
	}
	sel := selection{op: opHeld, columns: heldColumns, table: "orders" + d.dialect.by(primary), keys: []string{"connection_id", "external_id"}}
	var list []reconcile.Held
	err = d.find(ctx, sel, len(ids), func(i int, r *row) { r.add(string(n.Connection), string(ids[i])) }, func(rows *sql.Rows) error {
		return scanHeld(rows, n.Tenant, func(h reconcile.Held) { list = append(list, h) })
	})
	return r.acknowledged(ctx, d, n, list, err)
}

// acknowledged completes what was read, and returns it when it is durable.
func (Reconcilable) acknowledged(ctx context.Context, d *database, n reconcile.Name, list []reconcile.Held, err error) ([]reconcile.Held, error) {
	if err != nil || len(list) == 0 {
		return nil, err
	}
	at := make(map[hub.OrderID]int, len(list))
	for i, h := range list {
		at[h.ID] = i
	}
	sel := selection{op: opHeld, columns: "order_id", table: "acknowledgements" + d.dialect.by("acknowledgements_order"), keys: []string{"tenant_id", "order_id"}}
	err = d.find(ctx, sel, len(list), func(i int, r *row) { r.add(string(n.Tenant), string(list[i].ID)) }, func(rows *sql.Rows) error {
		var id hub.OrderID
		err := rows.Scan(&id)
		if i, known := at[id]; known {
			list[i].Acknowledged = true
		}
		return err
	})
	if err == nil {
		err = d.flushed(ctx)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Parked implements reconcile.Orders.
func (r Reconcilable) Parked(ctx context.Context, n reconcile.Name, ids []hub.ExternalID) (map[hub.ExternalID]hub.ParkedID, error) {
	const op = "reading parked deliveries to reconcile"
	d, err := r.s.of(ctx, n.Tenant)
	if err != nil {
		return nil, err
	}
	sel := selection{op: op, columns: "id, external_id, tenant_id", table: "parked" + d.dialect.by("parked_order"),
		keys: []string{"connection_id", "state", "external_id"}}
	found := map[hub.ExternalID]hub.ParkedID{}
	fill := func(i int, r *row) { r.add(string(n.Connection), string(intake.ParkedOpen), string(ids[i])) }
	err = d.find(ctx, sel, len(ids), fill, func(rows *sql.Rows) error {
		var id hub.ParkedID
		var external hub.ExternalID
		var its hub.TenantID
		if err := rows.Scan(&id, &external, &its); err != nil || its != n.Tenant {
			return err
		}
		if found[external] == "" || id < found[external] {
			found[external] = id
		}
		return nil
	})
	if err == nil && len(found) > 0 {
		err = d.flushed(ctx)
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}
