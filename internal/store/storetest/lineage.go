package storetest

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"hub"
	"hub/gdpr/forget"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/orders"
	"hub/internal/relay"
)

// testLineage finds every step of one order, nothing of another's, and nothing for another tenant.
func testLineage(e *env) {
	tenants := e.tenants(2)
	o, other := e.order(tenants[0], "1"), e.order(tenants[0], "2")
	at := o.UpdatedAt
	delivery := e.delivery(o.Tenant, "1", 7)
	raw := intake.Raw{Ref: hub.RawRef(e.ids.New(hub.RawPrefix)), Order: o.Key, Sealed: []byte{1}, Expires: "2028-W01", ReceivedAt: at, Topic: "orders/create", Delivery: delivery.Key}
	old := intake.Raw{Ref: hub.RawRef(e.ids.New(hub.RawPrefix)), Order: o.Key, ReceivedAt: at.Add(time.Second)} // from before its delivery was kept, and emptied
	doc := func(ref hub.RawRef) []byte {
		return fmt.Appendf(nil, `{"source_updated_at":"2026-01-02T03:04:05Z","source":{"rules":"shopify/2","raw_ref":"%s"}}`, ref)
	}
	o.Doc = doc(raw.Ref)
	e.save(o, other)
	again := o
	again.New, again.Revision, again.Doc = false, 2, doc(old.Ref)
	e.save(again)
	hint := e.delivery(o.Tenant, "1", 9)
	e.claim(delivery, e.delivery(o.Tenant, "2", 8), hint)
	parked := e.parkedOf(o.Key, at.Add(time.Hour))
	closed := e.parkedOf(o.Key, at)
	closed.State = intake.ParkedClosed
	elsewhere := e.parkedOf(other.Key, at)
	e.do(o.Tenant, func(ctx context.Context, tx hub.Tx) error {
		if err := e.s.Intake().KeepRaw(ctx, tx, []intake.Raw{raw, old}); err != nil {
			return err
		}
		return e.s.Intake().Park(ctx, tx, []intake.Parked{parked, closed, elsewhere})
	})
	ack, err := e.s.ERP().Acknowledge(e.Context(), erp.Ack{Tenant: o.Tenant, Client: "c", Order: o.ID, Reference: "R", At: at})
	must(e, err)
	l, err := e.s.ERP().Lineage(e.Context(), o.Tenant, o.ID, 10)
	must(e, err)
	if l.Order != o.ID || l.Connection != o.Connection || l.External != "1" || l.Platform != hub.Shopify || l.Revision != 2 || l.Cut {
		e.Errorf("%+v", l)
	}
	received := map[[32]byte]erp.Receipt{}
	for _, r := range l.Received {
		received[r.Delivery] = r
	}
	full := received[delivery.Key]
	if len(l.Received) != 3 || full.Topic != "orders/create" || full.RawRef != raw.Ref || !full.Kept || !full.ReceivedAt.Equal(at) || full.ClaimedAt.IsZero() {
		e.Errorf("received %+v", l.Received)
	}
	if r := received[hint.Key]; r.RawRef != "" || r.ClaimedAt.IsZero() || received[[32]byte{}].RawRef != old.Ref || received[[32]byte{}].Kept {
		e.Errorf("received %+v", l.Received)
	}
	for i, v := range l.Revisions {
		if v.Revision != int64(i+1) || v.Rules != "shopify/2" || v.SourceUpdatedAt.Year() != 2026 || v.RawRef != []hub.RawRef{raw.Ref, old.Ref}[i] || v.Change == "" {
			e.Errorf("revision %+v", v)
		}
	}
	if len(l.Revisions) != 2 || len(l.Parked) != 2 || l.Parked[0].ID != parked.ID || l.Parked[1].State != "closed" || !reflect.DeepEqual(l.Acks, []erp.Ack{ack}) {
		e.Errorf("%+v", l)
	}
	e.told(o.Tenant, tenants[1])
	_, err = e.s.ERP().Lineage(e.Context(), tenants[1], o.ID, 10)
	e.wantKind(err, hub.KindNotFound, "another tenant's")
	if cut, err := e.s.ERP().Lineage(e.Context(), o.Tenant, o.ID, 1); err != nil || !cut.Cut || len(cut.Revisions) != 1 || len(cut.Parked) != 1 {
		e.Errorf("cut: %+v, %v", cut, err)
	}
}

// told follows how far changes of a tenant were told, of each stream by itself and of no other tenant's.
func (e *env) told(tenant, other hub.TenantID) {
	e.Helper()
	want := func(when string, t hub.TenantID, stream hub.Stream, sequence int64) {
		e.Helper()
		if told, err := e.s.ERP().Told(e.Context(), t, stream); err != nil || told != sequence {
			e.Errorf("%s: told %d of %s, want %d, %v", when, told, stream, sequence, err)
		}
	}
	want("before the first", tenant, hub.StreamOrders, 0)
	r, shard := e.s.Relay(), e.s.Of(tenant)
	epoch, err := r.Lead(e.Context(), shard, "ins_told", time.Minute)
	must(e, err)
	tell := func(epoch int64, stream hub.Stream, sequence int64) error {
		place := relay.Place{Line: relay.Line{Tenant: tenant, Stream: stream}, Told: sequence, Position: uint64(sequence) + 100}
		return r.Tell(e.Context(), shard, epoch, []relay.Place{place}, relay.Mark{})
	}
	must(e, tell(epoch, hub.StreamOrders, 1))
	must(e, tell(epoch, hub.Stream("skus"), 7))
	want("one told", tenant, hub.StreamOrders, 1)
	must(e, tell(epoch, hub.StreamOrders, 3))
	e.wantKind(tell(epoch-1, hub.StreamOrders, 9), hub.KindConflict, "telling under an old epoch")
	want("three told", tenant, hub.StreamOrders, 3)
	want("three told", tenant, hub.Stream("skus"), 7)
	want("three told", other, hub.StreamOrders, 0)
	must(e, r.Resign(e.Context(), shard, "ins_told"))
}

// testErased tells whether a tenant's ledger has anything of a time or later.
func testErased(e *env) {
	tenants := e.tenants(3) // with ids that rise
	entry := e.entry(0, forget.Fenced, tenants[1], e.subject())
	erased := func(t hub.TenantID, since time.Time) (yes bool) {
		e.do(t, func(ctx context.Context, tx hub.Tx) (err error) {
			yes, err = e.s.Intake().Erased(ctx, tx, t, since)
			return err
		})
		return yes
	}
	if erased(tenants[1], time.Time{}) {
		e.Error("something was erased before the first entry")
	}
	for _, reason := range []string{forget.ReasonRetention, forget.ReasonDelivery, forget.ReasonEnded} { // nobody asked for these
		retired := e.entry(0, forget.Killed, tenants[1], e.subject())
		retired.Reason = reason
		e.apply(tenants[1], nil, retired)
	}
	if erased(tenants[1], time.Time{}) {
		e.Error("a key under which nothing was left counts as an erasure")
	}
	e.apply(tenants[1], nil, entry)
	for since, want := range map[time.Time]bool{
		{}: true, entry.At.Add(-time.Microsecond): true, entry.At: true, entry.At.Add(time.Microsecond): false,
	} {
		if got := erased(tenants[1], since); got != want {
			e.Errorf("since %v: %v, the entry is of %v", since, got, entry.At)
		}
		if erased(tenants[0], since) || erased(tenants[2], since) {
			e.Error("another tenant's entry counts")
		}
	}
}

// testApplied pages through the orders of one tenant and reads their payloads, whole or not at all.
func testApplied(e *env) {
	tenants := e.tenants(2)
	var rows []orders.Stored
	for i := range 7 {
		o := e.order(tenants[0], fmt.Sprint(i))
		o.UpdatedAt = o.UpdatedAt.Add(time.Duration(i) * time.Minute)
		rows = append(rows, o)
	}
	never := e.order(tenants[0], "never came")
	never.Revision = 0
	e.save(append(rows, never, e.order(tenants[1], "theirs"))...)
	read := func(f intake.AppliedFilter) (got []orders.Stored) {
		var after hub.OrderID
		for {
			page, more, err := e.s.Intake().Applied(e.Context(), tenants[0], f, after, 3)
			must(e, err)
			if got = append(got, page...); !more {
				return got
			}
			after = page[len(page)-1].ID
		}
	}
	for i, got := range read(intake.AppliedFilter{}) {
		want := rows[i]
		if want.New = false; !reflect.DeepEqual(got, want) {
			e.Errorf("got\n%+v want\n%+v", got, want)
		}
	}
	for want, f := range map[int]intake.AppliedFilter{
		7: {Connection: rows[0].Connection}, 2: {Since: rows[5].UpdatedAt}, 0: {Connection: "con_other"},
	} {
		if got := read(f); len(got) != want {
			e.Errorf("%+v: %d, want %d", f, len(got), want)
		}
	}
	raw := intake.Raw{Ref: hub.RawRef(e.ids.New(hub.RawPrefix)), Order: rows[0].Key, Sealed: []byte{0, 9}, Expires: "2028-W01", ReceivedAt: rows[0].UpdatedAt, Topic: "t", Delivery: [32]byte{1}}
	empty := raw
	empty.Ref, empty.Sealed = hub.RawRef(e.ids.New(hub.RawPrefix)), nil
	e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error {
		return e.s.Intake().KeepRaw(ctx, tx, []intake.Raw{raw, empty})
	})
	if got, err := e.s.Intake().RawByRef(e.Context(), tenants[0], raw.Ref); err != nil || !reflect.DeepEqual(got, raw) {
		e.Errorf("%+v, %v", got, err)
	}
	for what, f := range map[string]func() (intake.Raw, error){
		"another tenant's": func() (intake.Raw, error) { return e.s.Intake().RawByRef(e.Context(), tenants[1], raw.Ref) },
		"an emptied one":   func() (intake.Raw, error) { return e.s.Intake().RawByRef(e.Context(), tenants[0], empty.Ref) },
	} {
		_, err := f()
		e.wantKind(err, hub.KindNotFound, what)
	}
}
