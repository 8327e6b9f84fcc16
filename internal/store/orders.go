package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"hub"
	"hub/internal/orders"
)

// Orders implements orders.Repo.
type Orders struct{ s *Store }

var _ orders.Repo = Orders{}
var _ orders.Feed = Feed{}

// Orders returns the rows of orders on all shards.
func (s *Store) Orders() Orders { return Orders{s} }

var orderColumns = []string{
	"connection_id", "external_id", "tenant_id", "id", "revision", "source_updated_at", "cancelled", "refunded", "payment_rank",
	"fulfillment_rank", "digest", "status", "platform", "placed_at", "deleted_at", "created_at", "updated_at", "doc", "personal", "sealed_at",
	"recipient", "payer", "shared", "expires", "number", "erased", "rules", "enriched_at",
}

// rowKey is the primary key of an order.
type rowKey struct {
	connection hub.ConnectionID
	external   hub.ExternalID
}

// Lock implements orders.Repo.
func (o Orders) Lock(ctx context.Context, token hub.Tx, keys []orders.Key) (map[orders.Key]orders.Stored, error) {
	const op = "locking orders"
	t, err := open(token, op)
	if err != nil {
		return nil, err
	}
	sorted := make([]orders.Key, 0, len(keys))
	tenants := make(map[rowKey]hub.TenantID, len(keys))
	for _, k := range keys {
		if err := o.checkKey(t, op, k); err != nil {
			return nil, err
		}
		tenants[rowKey{k.Connection, k.External}] = k.Tenant
		sorted = append(sorted, k)
	}
	slices.SortFunc(sorted, compareOrders) // so that two transactions never wait for each other in a circle
	found := make(map[orders.Key]orders.Stored, len(keys))
	sel := selection{op: op, columns: strings.Join(orderColumns, ", "), table: "orders" + t.d.dialect.by(primary),
		keys: []string{"connection_id", "external_id"}, tail: t.d.dialect.forUpdate}
	err = t.find(ctx, sel, len(sorted), func(i int, r *row) {
		r.add(string(sorted[i].Connection), string(sorted[i].External))
	}, func(rows *sql.Rows) error {
		stored, err := scanOrder(rows)
		if err != nil {
			return err
		}
		if tenants[rowKey{stored.Connection, stored.External}] != stored.Tenant {
			return &hub.Error{Kind: hub.KindConflict, Op: op, Err: words("the connection's orders belong to another tenant")}
		}
		found[stored.Key] = stored
		return nil
	})
	return found, err
}

func compareOrders(a, b orders.Key) int {
	if c := strings.Compare(string(a.Connection), string(b.Connection)); c != 0 {
		return c
	}
	return strings.Compare(string(a.External), string(b.External))
}

func (Orders) checkKey(t *tx, op string, k orders.Key) error {
	if err := t.owns(op, k.Tenant); err != nil {
		return err
	}
	err := within(op, field{"tenant_id", string(k.Tenant), maxID}, field{"connection_id", string(k.Connection), maxID},
		field{"external_id", string(k.External), maxExternal})
	if err != nil {
		return t.poison(err)
	}
	return nil
}

// Save implements orders.Repo. A new row is a plain INSERT: when somebody else inserted the same key meanwhile, the
// transaction runs again and Lock finds their row.
func (o Orders) Save(ctx context.Context, token hub.Tx, rows []orders.Stored) error {
	const op = "saving orders"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	var fresh, known []*orders.Stored
	for i := range rows {
		r := &rows[i]
		if err := o.checkKey(t, op, r.Key); err != nil {
			return err
		}
		err := within(op, field{"id", string(r.ID), maxID}, field{"status", string(r.Status), maxWord}, field{"platform", string(r.Platform), maxWord},
			field{"expires", string(r.Expires), maxWeek})
		if err != nil {
			return t.poison(err)
		}
		if r.New {
			fresh = append(fresh, r)
		} else {
			known = append(known, r)
		}
	}
	write := func(rows []*orders.Stored, tail string) error {
		slices.SortFunc(rows, func(a, b *orders.Stored) int { return compareOrders(a.Key, b.Key) })
		in := insertion{op: op, table: "orders", columns: orderColumns, tail: tail}
		return t.insert(ctx, in, len(rows), func(i int, r *row) { addOrder(r, rows[i]) })
	}
	if err := write(fresh, ""); err != nil {
		return err
	}
	if err := t.named(ctx, op, fresh); err != nil {
		return err
	}
	return write(known, t.d.dialect.upsert("connection_id, external_id", orderColumns[2:]...))
}

// addOrder cuts the order's number: it is a column to search by, the document has it whole, and no order is refused for it.
func addOrder(r *row, o *orders.Stored) {
	v := &o.Version
	r.add(string(o.Connection), string(o.External), string(o.Tenant), string(o.ID), o.Revision,
		micros(v.SourceUpdatedAt), flag(v.Cancelled), v.Refunded, int64(v.PaymentRank), int64(v.FulfillmentRank), v.Digest[:],
		string(o.Status), string(o.Platform), micros(o.PlacedAt), micros(o.DeletedAt), micros(o.CreatedAt), micros(o.UpdatedAt),
		blob(o.Doc), blob(o.Personal), o.SealedAt, blob(o.Recipient), blob(o.Payer), blob(o.Shared), string(o.Expires), clip(o.Number, maxExternal), flag(o.Erased), int64(v.Rules), micros(v.EnrichedAt))
}

// scanOrder scans the columns, and then what more there is.
func scanOrder(rows *sql.Rows, more ...any) (o orders.Stored, err error) {
	var source, placed, deleted, created, updated, enriched int64
	var digest sql.RawBytes
	v := &o.Version
	into := []any{&o.Connection, &o.External, &o.Tenant, &o.ID, &o.Revision,
		&source, &v.Cancelled, &v.Refunded, &v.PaymentRank, &v.FulfillmentRank, &digest,
		&o.Status, &o.Platform, &placed, &deleted, &created, &updated, &o.Doc, &o.Personal, &o.SealedAt,
		&o.Recipient, &o.Payer, &o.Shared, &o.Expires, &o.Number, &o.Erased, &v.Rules, &enriched}
	err = rows.Scan(append(into, more...)...)
	copy(v.Digest[:], digest)
	v.SourceUpdatedAt, v.EnrichedAt, o.PlacedAt, o.DeletedAt = moment(source), moment(enriched), moment(placed), moment(deleted)
	o.CreatedAt, o.UpdatedAt = moment(created), moment(updated)
	return o, err
}
