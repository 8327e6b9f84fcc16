package store

import (
	"context"
	"database/sql"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/orders"
)

var _ intake.AppliedReader = Intake{}

// Applied implements intake.AppliedReader. A page ends with the row with which its bytes exceed erp.MaxPageBytes.
func (i Intake) Applied(ctx context.Context, tenant hub.TenantID, f intake.AppliedFilter, after hub.OrderID, limit int) (list []orders.Stored, more bool, err error) {
	const op = "reading applied orders"
	d, err := i.s.of(ctx, tenant)
	if err != nil {
		return nil, false, err
	}
	sight := d.sight(tenant)
	newest, args := sight.column()
	query := "SELECT " + strings.Join(orderColumns, ", ") + ", " + newest + " FROM orders" + d.dialect.by("orders_tenant") + " WHERE tenant_id = ? AND id > ? AND revision > 0"
	args = append(args, string(tenant), string(after))
	if f.Connection != "" {
		query, args = query+" AND connection_id = ?", append(args, string(f.Connection))
	}
	if !f.Since.IsZero() {
		query, args = query+" AND updated_at >= ?", append(args, micros(f.Since))
	}
	bytes := 0
	err = d.query(ctx, op, query+" ORDER BY id LIMIT ?", append(args, limit+1), func(r *sql.Rows) error {
		if more = len(list) == limit || bytes > erp.MaxPageBytes; more {
			return errEnough
		}
		row, err := scanOrder(r, &sight.saw)
		list = append(list, row)
		bytes += len(row.Doc) + len(row.Personal) + len(row.Shared)
		return err
	})
	if err == nil && len(list) > 0 {
		err = sight.settled(ctx)
	}
	if err != nil {
		return nil, false, err
	}
	return list, more, nil
}

// RawByRef implements intake.AppliedReader.
func (i Intake) RawByRef(ctx context.Context, tenant hub.TenantID, ref hub.RawRef) (raw intake.Raw, err error) {
	const op = "reading a payload"
	d, err := i.s.of(ctx, tenant)
	if err != nil {
		return raw, err
	}
	const query = "SELECT connection_id, external_id, received_at, sealed, expires, topic, delivery_key FROM raws WHERE raw_ref = ? AND tenant_id = ?"
	err = d.query(ctx, op, query, []any{string(ref), string(tenant)}, func(r *sql.Rows) error {
		var received int64
		var expires gdpr.Week
		var key sql.RawBytes
		raw.Ref, raw.Order.Tenant = ref, tenant
		err := r.Scan(&raw.Order.Connection, &raw.Order.External, &received, &raw.Sealed, &expires, &raw.Topic, &key)
		raw.ReceivedAt, raw.Expires = moment(received), expires
		copy(raw.Delivery[:], key)
		return err
	})
	if err == nil && len(raw.Sealed) == 0 {
		err = &hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(ref)}
	}
	if err != nil {
		return intake.Raw{}, err
	}
	return raw, d.flushed(ctx)
}
