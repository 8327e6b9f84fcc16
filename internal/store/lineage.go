package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"hub"
	"hub/internal/erp"
	"hub/internal/intake"
)

var (
	_ erp.LineageReader = ERP{}
	_ erp.Told          = ERP{}
)

// lineage is one being read.
type lineage struct {
	erp.Lineage
	d      *database
	tenant hub.TenantID
	limit  int
	sight  *sight
}

const opLineage = "reading lineage"

// Lineage implements erp.LineageReader.
func (e ERP) Lineage(ctx context.Context, tenant hub.TenantID, id hub.OrderID, limit int) (erp.Lineage, error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return erp.Lineage{}, err
	}
	l := &lineage{d: d, tenant: tenant, limit: limit, sight: d.sight(tenant), Lineage: erp.Lineage{Order: id}}
	for _, read := range []func(context.Context) error{l.order, l.revisions, l.deliveries, l.payloads, l.parked, l.served, l.acks} {
		if err := read(ctx); err != nil {
			return erp.Lineage{}, err
		}
	}
	slices.SortStableFunc(l.Received, func(a, b erp.Receipt) int { return a.ClaimedAt.Compare(b.ClaimedAt) })
	if err := l.sight.settled(ctx); err != nil {
		return erp.Lineage{}, err
	}
	return l.Lineage, d.flushed(ctx) // deliveries and what is parked number no change
}

func (l *lineage) order(ctx context.Context) error {
	newest, args := l.sight.column()
	query := "SELECT connection_id, external_id, platform, revision, " + newest + " FROM orders WHERE id = ? AND tenant_id = ? AND revision > 0"
	err := l.d.query(ctx, opLineage, query, append(args, string(l.Order), string(l.tenant)), func(r *sql.Rows) error {
		return r.Scan(&l.Connection, &l.External, &l.Platform, &l.Revision, &l.sight.saw)
	})
	if err == nil && l.Revision == 0 {
		err = noOrder(l.Order)
	}
	return err
}

// list reads one list, of which it reads one entry more than it keeps, and reports whether an entry is to be kept.
func (l *lineage) list(ctx context.Context, query string, args []any, scan func(r *sql.Rows) (keep func(), err error)) error {
	n := 0
	return l.d.query(ctx, opLineage, query+" LIMIT ?", append(args, l.limit+1), func(r *sql.Rows) error {
		keep, err := scan(r)
		if n++; err == nil && n <= l.limit {
			keep()
		}
		l.Cut = l.Cut || n > l.limit
		return err
	})
}

func (l *lineage) revisions(ctx context.Context) error {
	query := "SELECT sequence, id, type, time, revision, doc FROM feed" + l.d.dialect.by("feed_order") +
		" WHERE tenant_id = ? AND order_id = ? AND stream = ? ORDER BY sequence"
	return l.list(ctx, query, []any{string(l.tenant), string(l.Order), string(hub.StreamOrders)}, func(r *sql.Rows) (func(), error) {
		var v erp.Revision
		var at int64
		var doc sql.RawBytes
		if err := r.Scan(&v.Sequence, &v.Change, &v.Type, &at, &v.Revision, &doc); err != nil {
			return nil, err
		}
		var said struct {
			SourceUpdatedAt time.Time  `json:"source_updated_at"`
			Source          hub.Source `json:"source"`
		}
		_ = json.Unmarshal(doc, &said) // what a damaged document does not say stays empty
		v.Time, v.SourceUpdatedAt, v.Rules, v.RawRef = moment(at), said.SourceUpdatedAt, said.Source.Rules, said.Source.RawRef
		return func() { l.Revisions = append(l.Revisions, v) }, nil
	})
}

func (l *lineage) deliveries(ctx context.Context) error {
	query := "SELECT delivery_key, claimed_at FROM deliveries" + l.d.dialect.by(primary) + " WHERE connection_id = ? AND resource = ? ORDER BY claimed_at, delivery_key"
	return l.list(ctx, query, []any{string(l.Connection), string(l.External)}, func(r *sql.Rows) (func(), error) {
		var v erp.Receipt
		var key sql.RawBytes
		var at int64
		err := r.Scan(&key, &at)
		copy(v.Delivery[:], key)
		v.ClaimedAt = moment(at)
		return func() { l.Received = append(l.Received, v) }, err
	})
}

// payloads adds to the deliveries what their payloads say. A payload from before its delivery was kept with it stands by
// itself, when its revision was made.
func (l *lineage) payloads(ctx context.Context) error {
	var refs []hub.RawRef
	made := map[hub.RawRef]time.Time{}
	for _, v := range l.Revisions {
		if _, known := made[v.RawRef]; v.RawRef != "" && !known {
			refs, made[v.RawRef] = append(refs, v.RawRef), v.Time
		}
	}
	at := map[[32]byte]int{}
	for i, v := range l.Received {
		at[v.Delivery] = i
	}
	sel := selection{op: opLineage, columns: "raw_ref, tenant_id, received_at, topic, delivery_key, expires", table: "raws", keys: []string{"raw_ref"}}
	return l.d.find(ctx, sel, len(refs), func(i int, r *row) { r.add(string(refs[i])) }, func(r *sql.Rows) error {
		var v erp.Receipt
		var its hub.TenantID
		var received int64
		var key sql.RawBytes
		var expires string
		if err := r.Scan(&v.RawRef, &its, &received, &v.Topic, &key, &expires); err != nil || its != l.tenant {
			return err
		}
		copy(v.Delivery[:], key)
		v.ReceivedAt, v.Kept = moment(received), expires != ""
		if i, ok := at[v.Delivery]; ok {
			v.ClaimedAt = l.Received[i].ClaimedAt
			l.Received[i] = v
			return nil
		}
		v.ClaimedAt = made[v.RawRef]
		l.Received = append(l.Received, v)
		return nil
	})
}

func (l *lineage) parked(ctx context.Context) error {
	query := "SELECT id, tenant_id, topic, code, path, state, closed_by, received_at, parked_at FROM parked" + l.d.dialect.by("parked_order") +
		" WHERE connection_id = ? AND state IN (?, ?, ?, ?) AND external_id = ? ORDER BY id"
	args := []any{string(l.Connection), string(intake.ParkedOpen), string(intake.ParkedReplayed), string(intake.ParkedDropped), string(intake.ParkedClosed), string(l.External)}
	return l.list(ctx, query, args, func(r *sql.Rows) (func(), error) {
		var v erp.Parking
		var its hub.TenantID
		var received, parked int64
		err := r.Scan(&v.ID, &its, &v.Topic, &v.Code, &v.Path, &v.State, &v.ClosedBy, &received, &parked)
		v.ReceivedAt, v.ParkedAt = moment(received), moment(parked)
		return func() {
			if its == l.tenant {
				l.Parked = append(l.Parked, v)
			}
		}, err
	})
}

// served merges the answers about the order alone, of both forms, with those about several. No more are held than are kept.
func (l *lineage) served(ctx context.Context) error {
	type served struct {
		id string // tells those of one moment apart
		erp.Served
	}
	var all []served
	older := func(a, b served) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.id, b.id)) }
	oldest := func(most int) {
		slices.SortFunc(all, older)
		all = all[:min(len(all), most)]
	}
	add := func(id string, v erp.Served) {
		if all = append(all, served{id, v}); len(all) > 4*l.limit+4 {
			oldest(l.limit + 1)
		}
	}
	query := "SELECT id, client, key_id, disclosed_at, revision, fields FROM disclosures" + l.d.dialect.by("disclosures_order") +
		" WHERE tenant_id = ? AND order_id = ? ORDER BY disclosed_at, id LIMIT ?"
	err := l.d.query(ctx, opLineage, query, []any{string(l.tenant), string(l.Order), l.limit + 1}, func(r *sql.Rows) error {
		var id string
		var v erp.Served
		var at, fields int64
		err := r.Scan(&id, &v.Client, &v.Key, &at, &v.Revision, &fields)
		v.At, v.Fields = moment(at), hub.Fields(fields)
		add(id, v)
		return err
	})
	if err == nil {
		err = l.d.shelved(ctx, opLineage, l.tenant, l.Order, add)
	}
	if err == nil {
		err = l.d.answered(ctx, opLineage, l.tenant, l.Order, add)
	}
	if err != nil {
		return err
	}
	oldest(l.limit + 1)
	l.Cut = l.Cut || len(all) > l.limit
	for _, v := range all[:min(len(all), l.limit)] {
		l.Served = append(l.Served, v.Served)
	}
	return nil
}

func (l *lineage) acks(ctx context.Context) error {
	query := "SELECT client, reference, acknowledged_at FROM acknowledgements" + l.d.dialect.by("acknowledgements_order") +
		" WHERE tenant_id = ? AND order_id = ? ORDER BY acknowledged_at, client"
	return l.list(ctx, query, []any{string(l.tenant), string(l.Order)}, func(r *sql.Rows) (func(), error) {
		v := erp.Ack{Tenant: l.tenant, Order: l.Order}
		var at int64
		err := r.Scan(&v.Client, &v.Reference, &at)
		v.At = moment(at)
		return func() { l.Acks = append(l.Acks, v) }, err
	})
}

// Told implements erp.Told. The relay stores how far it came about once a second: more may be told than is known here.
func (e ERP) Told(ctx context.Context, tenant hub.TenantID, stream hub.Stream) (sequence int64, err error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return 0, err
	}
	err = d.query(ctx, "reading what was told", "SELECT told FROM relay_lines WHERE tenant_id = ? AND stream = ?",
		[]any{string(tenant), string(stream)}, func(r *sql.Rows) error { return r.Scan(&sequence) })
	return sequence, err
}
