package store

import (
	"context"
	"database/sql"

	"hub"
	"hub/internal/erp"
)

// ERP implements erp.Reader and erp.Acks.
type ERP struct{ s *Store }

var (
	_ erp.Reader = ERP{}
	_ erp.Acks   = ERP{}
)

// ERP returns what ERP systems read and acknowledge, on all shards.
func (s *Store) ERP() ERP { return ERP{s} }

// Changes implements erp.Reader.
func (e ERP) Changes(ctx context.Context, tenant hub.TenantID, stream hub.Stream, after int64, limit int) ([]hub.Change, error) {
	const op = "reading the feed"
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	const query = "SELECT sequence, id, type, time, order_id, revision, doc FROM feed" +
		" WHERE tenant_id = ? AND stream = ? AND sequence > ? ORDER BY sequence LIMIT ?"
	var page []hub.Change
	bytes := 0
	h := head{tenant, stream}
	durable := d.marks.known(h)
	err = d.query(ctx, op, query, []any{string(tenant), string(stream), after, limit}, func(r *sql.Rows) error {
		c := hub.Change{Tenant: tenant, Stream: stream}
		var time int64
		err := r.Scan(&c.Sequence, &c.ID, &c.Type, &time, &c.OrderID, &c.Revision, &c.Doc)
		c.Time = moment(time)
		page = append(page, c)
		if bytes += len(c.Doc); err == nil && bytes > erp.MaxPageBytes {
			return errEnough
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(page) == 0:
		return nil, d.known(ctx, h, after)
	}
	return page, d.settled(ctx, h, durable, page[len(page)-1].Sequence, page[len(page)-1].ID)
}

// CodeBeyondHead is the conflict of a reader that has seen more than there is: the database was restored from a backup.
const CodeBeyondHead hub.Code = "after_beyond_head"

// known refuses a position that no change has reached. Answering it with an empty page would make its reader step over the
// changes that get these numbers next.
func (d *database) known(ctx context.Context, h head, after int64) error {
	if after == 0 {
		return nil
	}
	last, err := d.head(ctx, h)
	if err == nil && after > last {
		err = &hub.Error{Kind: hub.KindConflict, Code: CodeBeyondHead, Op: "reading the feed", Subject: string(h.tenant)}
	}
	return err
}

// head reads the number of the last change.
func (d *database) head(ctx context.Context, h head) (last int64, err error) {
	err = d.query(ctx, "reading the head of the feed", "SELECT sequence FROM feed_head WHERE tenant_id = ? AND stream = ?",
		[]any{string(h.tenant), string(h.stream)}, func(r *sql.Rows) error { return r.Scan(&last) })
	return last, err
}

// settled returns when the change with that number and id, which the caller has read, is durable, and with it all before it;
// what was known to be before it was read needs nothing. After a barrier the change is read again: should the server have been
// killed and started in between, the barrier was passed on the new one, and the change may be gone.
func (d *database) settled(ctx context.Context, h head, durable, sequence int64, id hub.ChangeID) error {
	if !d.dialect.sharesLog || sequence <= durable {
		return nil
	}
	if err := d.flushed(ctx); err != nil {
		return err
	}
	const op = "reading the feed again"
	var still hub.ChangeID
	err := d.query(ctx, op, "SELECT id FROM feed WHERE tenant_id = ? AND stream = ? AND sequence = ?",
		[]any{string(h.tenant), string(h.stream), sequence}, func(r *sql.Rows) error { return r.Scan(&still) })
	if err == nil && still != id {
		err = &hub.Error{Kind: hub.KindUnavailable, Op: op, Err: words("the database was restarted and took the change back")}
	}
	if err == nil {
		d.marks.raise(h, sequence)
	}
	return err
}

// Orders implements erp.Reader.
func (e ERP) Orders(ctx context.Context, tenant hub.TenantID, f erp.Filter, after hub.OrderID, limit int) ([]erp.Row, error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	path := "orders_tenant"
	switch {
	case f.External != "" && f.Connection != "":
		path = primary
	case f.External != "":
		path = "orders_external"
	}
	query := "FROM orders" + d.dialect.by(path) + " WHERE tenant_id = ? AND id > ? AND revision > 0"
	args := []any{string(tenant), string(after)}
	for _, c := range []struct{ column, value string }{
		{"connection_id", string(f.Connection)}, {"platform", string(f.Platform)}, {"status", string(f.Status)}, {"external_id", string(f.External)},
	} {
		if c.value != "" {
			query, args = query+" AND "+c.column+" = ?", append(args, c.value)
		}
	}
	if !f.UpdatedSince.IsZero() {
		query, args = query+" AND updated_at >= ?", append(args, micros(f.UpdatedSince))
	}
	return e.rows(ctx, d, tenant, query+" ORDER BY id LIMIT ?", append(args, limit))
}

// rows reads orders and waits until they are durable. from is the query from FROM on.
func (ERP) rows(ctx context.Context, d *database, tenant hub.TenantID, from string, args []any) ([]erp.Row, error) {
	var rows []erp.Row
	bytes := 0
	sight := d.sight(tenant)
	newest, first := sight.column()
	err := d.query(ctx, "reading orders", "SELECT id, doc, "+newest+" "+from, append(first, args...), func(r *sql.Rows) error {
		var row erp.Row
		err := r.Scan(&row.ID, &row.Doc, &sight.saw)
		rows = append(rows, row)
		if bytes += len(row.Doc); err == nil && bytes > erp.MaxPageBytes {
			return errEnough
		}
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := sight.settled(ctx); err != nil {
		return nil, err
	}
	return rows, nil
}

// Order implements erp.Reader.
func (e ERP) Order(ctx context.Context, tenant hub.TenantID, id hub.OrderID) (erp.Row, error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return erp.Row{}, err
	}
	rows, err := e.rows(ctx, d, tenant, "FROM orders WHERE id = ? AND tenant_id = ? AND revision > 0", []any{string(id), string(tenant)})
	if err != nil {
		return erp.Row{}, err
	}
	if len(rows) == 0 {
		return erp.Row{}, noOrder(id)
	}
	return rows[0], nil
}

func noOrder(id hub.OrderID) error {
	return &hub.Error{Kind: hub.KindNotFound, Op: "reading order", Subject: string(id)}
}

// Acknowledge implements erp.Acks.
func (e ERP) Acknowledge(ctx context.Context, a erp.Ack) (stored erp.Ack, err error) {
	const op = "acknowledging an order"
	err = within(op, field{"client", a.Client, maxClient}, field{"reference", a.Reference, maxReference})
	if err != nil {
		return stored, err
	}
	if len(a.Order) > maxID {
		return stored, noOrder(a.Order)
	}
	shard := e.s.Of(a.Tenant)
	fresh := false
	err = e.s.Do(ctx, shard, func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		if stored, fresh, err = t.acknowledgement(ctx, op, a); err != nil || !fresh {
			return err
		}
		if err := t.hasOrder(ctx, op, a); err != nil {
			return err
		}
		_, err = t.exec(ctx, op, "INSERT INTO acknowledgements (tenant_id, client, order_id, reference, acknowledged_at) VALUES (?, ?, ?, ?, ?)",
			string(a.Tenant), a.Client, string(a.Order), a.Reference, micros(a.At))
		if err != nil {
			return err
		}
		return t.record(ctx, deed{action: "order.acknowledge", tenant: a.Tenant, target: string(a.Order), count: 1})
	})
	if err == nil && !fresh {
		err = e.s.known(shard).flushed(ctx)
	}
	if err != nil {
		return erp.Ack{}, err
	}
	return stored, nil
}

// acknowledgement returns what is stored for the client and order, and a as it will be stored if it is the first.
func (t *tx) acknowledgement(ctx context.Context, op string, a erp.Ack) (stored erp.Ack, fresh bool, err error) {
	stored, fresh = a, true
	stored.At = moment(micros(a.At))
	err = t.query(ctx, op, "SELECT reference, acknowledged_at FROM acknowledgements WHERE tenant_id = ? AND client = ? AND order_id = ?",
		[]any{string(a.Tenant), a.Client, string(a.Order)}, func(r *sql.Rows) error {
			fresh = false
			var at int64
			err := r.Scan(&stored.Reference, &at)
			stored.At = moment(at)
			return err
		})
	return stored, fresh, err
}

// hasOrder is an error for an order that the tenant does not have.
func (t *tx) hasOrder(ctx context.Context, op string, a erp.Ack) error {
	found := false
	err := t.query(ctx, op, "SELECT 1 FROM orders WHERE id = ? AND tenant_id = ? AND revision > 0", []any{string(a.Order), string(a.Tenant)},
		func(*sql.Rows) error { found = true; return nil })
	if err == nil && !found {
		err = noOrder(a.Order)
	}
	return err
}
