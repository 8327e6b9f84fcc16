package storetest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/internal/intake"
	"hub/internal/jobs"
	"hub/internal/orders"
)

func (e *env) delivery(tenant hub.TenantID, resource string, key byte) intake.Delivery {
	return intake.Delivery{Tenant: tenant, Connection: e.order(tenant, "").Connection, Resource: hub.ExternalID(resource), Key: [32]byte{key, 31: key}}
}

func (e *env) claim(deliveries ...intake.Delivery) (fresh []bool) {
	e.Helper()
	e.do(deliveries[0].Tenant, func(ctx context.Context, tx hub.Tx) (err error) {
		fresh, err = e.s.Intake().Claim(ctx, tx, deliveries)
		return err
	})
	return fresh
}

func testClaim(e *env) {
	tenant := e.tenant()
	a, b := e.delivery(tenant, "1", 1), e.delivery(tenant, "1", 2)
	elsewhere, none := e.delivery(tenant, "2", 1), e.delivery(tenant, "", 1)
	shop := a
	shop.Connection += "x"
	if got := e.claim(a, b, a, elsewhere, none, shop, none); !slices.Equal(got, []bool{true, true, false, true, true, true, false}) {
		e.Errorf("at first: %v", got)
	}
	c := e.delivery(tenant, "1", 3)
	if got := e.claim(c, a, none, b, elsewhere, shop, c); !slices.Equal(got, []bool{true, false, false, false, false, false, false}) {
		e.Errorf("in a later transaction: %v", got)
	}
	d := e.delivery(tenant, "1", 4)
	_ = e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		for _, want := range []bool{true, false} {
			got, err := e.s.Intake().Claim(ctx, tx, []intake.Delivery{d})
			if err != nil || got[0] != want {
				e.Errorf("twice in one transaction: %v, %v, want %v", got, err, want)
			}
		}
		return errRollBack
	})
	if got := e.claim(d); !got[0] {
		e.Error("a claim that was rolled back still counts")
	}
}

// testClaimConcurrent has many transactions claim the same deliveries at once, in different orders. Each is new to one.
func testClaimConcurrent(e *env) {
	const workers, n = 6, 60
	tenant := e.tenant()
	other := e.second()
	var wins [n]atomic.Int64
	var runs atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		s := e.s
		if w%2 == 1 {
			s = other
		}
		wg.Go(func() {
			list := make([]intake.Delivery, n)
			for i := range list {
				at := (i*7 + w*11) % n
				list[i] = e.delivery(tenant, fmt.Sprint(at%20), byte(at))
			}
			for half := range 2 {
				part := list[half*n/2 : (half+1)*n/2]
				var fresh []bool
				err := s.Do(e.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) (err error) {
					runs.Add(1)
					fresh, err = s.Intake().Claim(ctx, tx, part)
					return err
				})
				if err != nil {
					e.Errorf("worker %d: %v", w, err)
					return
				}
				for i, is := range fresh {
					if is {
						wins[part[i].Key[0]].Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range wins {
		if wins[i].Load() != 1 {
			e.Errorf("delivery %d was new %d times", i, wins[i].Load())
		}
	}
	e.Logf("%d deliveries claimed by %d workers in %d runs, each new once", n, workers, runs.Load())
}

// lookalikes are keys that a collation, a padded column or a C string would take for one another.
var lookalikes = []string{"a", "A", "á", "a\u0301", "a ", "a  ", " a", "a\t", "a\x00", "a\x00b", "ａ", "ß", "ss", "1", "01", "1.0", "1e0", "%", "_", "\\", "'"}

func testKeysAreBytes(e *env) {
	tenant := e.tenant()
	var rows []orders.Stored
	var keys []orders.Key
	var deliveries []intake.Delivery
	for i, external := range lookalikes {
		o := e.order(tenant, external)
		o.Doc = fmt.Appendf(nil, "%d", i)
		rows, keys = append(rows, o), append(keys, o.Key)
		deliveries = append(deliveries, e.delivery(tenant, external, 1))
	}
	e.save(rows...)
	found := e.lock(keys...)
	for i, k := range keys {
		if got := string(found[k].Doc); got != fmt.Sprint(i) {
			e.Errorf("key %q finds row %q, want %d", k.External, got, i)
		}
	}
	if got := e.claim(deliveries...); slices.Contains(got, false) || len(found) != len(lookalikes) {
		e.Errorf("%d orders of %d; claims %v", len(found), len(lookalikes), got)
	}
	if got := e.claim(deliveries...); slices.Contains(got, true) {
		e.Errorf("claimed again: %v", got)
	}
	e.Logf("%d keys that look alike are told apart", len(lookalikes))
}

func testLongKeys(e *env) {
	tenant := e.tenant()
	long, longest := strings.Repeat("x", 129), strings.Repeat("x", 128)
	for name, f := range map[string]func(context.Context, hub.Tx) error{
		"Save": func(ctx context.Context, tx hub.Tx) error {
			return e.s.Orders().Save(ctx, tx, []orders.Stored{e.order(tenant, long)})
		},
		"Lock": func(ctx context.Context, tx hub.Tx) error {
			_, err := e.s.Orders().Lock(ctx, tx, []orders.Key{e.order(tenant, long).Key})
			return err
		},
		"Claim": func(ctx context.Context, tx hub.Tx) error {
			_, err := e.s.Intake().Claim(ctx, tx, []intake.Delivery{e.delivery(tenant, long, 1)})
			return err
		},
		"Note": func(ctx context.Context, tx hub.Tx) error {
			return e.s.Intake().Note(ctx, tx, []intake.Note{{Tenant: tenant, Kind: "order", ExternalID: hub.ExternalID(long)}})
		},
		"KeepRaw": func(ctx context.Context, tx hub.Tx) error {
			return e.s.Intake().KeepRaw(ctx, tx, []intake.Raw{{Ref: "raw_1", Order: e.order(tenant, long).Key}})
		},
	} {
		err := e.s.Do(e.Context(), e.s.Of(tenant), f)
		if hub.CodeOf(err) != hub.CodeTooLong || !hub.Parkable(err) || strings.Contains(err.Error(), "xxx") {
			e.Errorf("%s of a key that is too long: %v", name, err)
		}
	}
	o := e.order(tenant, longest)
	e.save(o)
	if found := e.lock(o.Key); len(found) != 1 {
		e.Error("the longest key is not found")
	}
	if got := e.claim(e.delivery(tenant, longest, 1), e.delivery(tenant, longest[:127], 1)); !got[0] || !got[1] {
		e.Errorf("the longest resource: %v", got)
	}
}

// testLargeRows writes more bytes than one statement takes, and a row that no statement takes.
func testLargeRows(e *env) {
	tenant := e.tenant()
	var rows []orders.Stored
	for i := range 5 {
		o := e.order(tenant, fmt.Sprint(i))
		o.Doc = bytes.Repeat([]byte{'\\', 0, '\'', byte(i)}, 1<<18+i)
		rows = append(rows, o)
	}
	big := e.order(tenant, "big")
	big.Personal = bytes.Repeat([]byte{'\'', 255}, 3<<20)
	rows = append(rows, big)
	e.save(rows...)
	for _, want := range rows {
		got := e.lock(want.Key)[want.Key]
		if !bytes.Equal(got.Doc, want.Doc) || !bytes.Equal(got.Personal, want.Personal) {
			e.Errorf("order %s came back changed", want.External)
		}
	}
	e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
		return e.s.Intake().KeepRaw(ctx, tx, []intake.Raw{{Ref: hub.RawRef(e.ids.New(hub.RawPrefix)), Order: big.Key, Sealed: big.Personal}, {Ref: hub.RawRef(e.ids.New(hub.RawPrefix)), Order: big.Key}})
	})
	huge := e.order(tenant, "huge")
	huge.Doc = make([]byte, 8<<20)
	err := e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return e.s.Orders().Save(ctx, tx, []orders.Stored{huge}) })
	e.wantKind(err, hub.KindTooLarge, "a row of 8 MiB")
}

// testNotes has what hints are about wait to be fetched, once for each resource, and as long as the hint says that waits
// least.
func testNotes(e *env) {
	tenant := e.tenant()
	note := intake.Note{Tenant: tenant, Connection: e.order(tenant, "").Connection, Kind: "order", ExternalID: "1"}
	other, second := note, note
	other.Kind, second.ExternalID = "pack", "2"
	slow, hurried := note, note
	slow.ExternalID, slow.After = "3", time.Hour
	hurried.ExternalID = "4"
	slower := hurried
	slower.After = 24 * time.Hour
	for _, notes := range [][]intake.Note{{note, other}, {second, note}, {note, note}, {slow, slower}, {hurried}} {
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Note(ctx, tx, notes) })
	}
	var got []string
	for _, c := range []struct{ kind string }{{"fetch.order"}, {"fetch.pack"}} {
		list, err := e.s.Jobs().Claim(e.Context(), e.s.Of(tenant), jobs.Ask{Kind: c.kind, Limit: 1000, Lease: time.Minute})
		must(e, err)
		for _, j := range list {
			if j.Connection == note.Connection {
				got = append(got, fmt.Sprint(j.Kind, " ", j.Key, " ", j.Class))
			}
		}
	}
	slices.Sort(got)
	if want := []string{"fetch.order 1 0", "fetch.order 2 0", "fetch.order 4 0", "fetch.pack 1 0"}; !slices.Equal(got, want) {
		e.Errorf("jobs %q, want %q", got, want)
	}
}

func (e *env) parked(tenant hub.TenantID, code hub.Code) intake.Parked {
	at := time.Date(2026, 11, 21, 1, 2, 3, 4000, time.UTC)
	return intake.Parked{ID: hub.ParkedID(e.ids.New(hub.ParkedPrefix)), Tenant: tenant, Connection: "con_1", Platform: hub.Shopee, Topic: "orders/create",
		Code: code, Path: "lines[2].price", ReceivedAt: at, ParkedAt: at.Add(time.Second), State: intake.ParkedOpen, Sealed: []byte{0, 1, 255}, Expires: "2026-W52",
		App: "app_1", Gist: driver.Gist{ExternalID: "77 ", SourceUpdatedAt: at.Add(-time.Hour), Total: &hub.Money{Minor: -1999, Currency: "BRL"}}}
}

func testParked(e *env) {
	tenants := e.tenants(2)
	var list []intake.Parked
	for i := range 7 {
		list = append(list, e.parked(tenants[0], []hub.Code{hub.CodeMalformed, hub.CodeMissing}[i%2]))
	}
	theirs := e.parked(tenants[1], hub.CodeMissing)
	theirs.Path, theirs.Topic = strings.Repeat("a", 600), strings.Repeat("b", 600)
	e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error {
		return e.s.Intake().Park(ctx, tx, append(slices.Clone(list), theirs))
	})
	read := e.s.Intake()
	var got []intake.Parked
	for {
		var after hub.ParkedID
		if len(got) > 0 {
			after = got[len(got)-1].ID
		}
		page, err := read.Parked(e.Context(), tenants[0], intake.ParkedFilter{State: intake.ParkedOpen}, after, 3)
		must(e, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	for i, p := range list {
		full, err := read.ParkedByID(e.Context(), tenants[0], p.ID)
		if err != nil || !reflect.DeepEqual(full, p) {
			e.Errorf("by id: %+v, %v, want %+v", full, err, p)
		}
		p.Sealed = nil
		if i >= len(got) || !reflect.DeepEqual(got[i], p) {
			e.Errorf("entry %d of the list is not %+v", i, p)
		}
	}
	for want, filters := range map[int][]intake.ParkedFilter{
		3: {{Code: hub.CodeMissing}, {State: intake.ParkedOpen, Code: hub.CodeMissing}},
		7: {{Platform: hub.Shopee, Connection: "con_1", Before: list[0].ReceivedAt.Add(time.Second)}, {State: intake.ParkedOpen}},
		0: {{Platform: hub.Shopify}, {Connection: "con_2"}, {Before: list[0].ReceivedAt}, {State: intake.ParkedClosed}},
	} {
		for _, f := range filters {
			some, err := read.Parked(e.Context(), tenants[0], f, "", 100)
			if err != nil || len(some) != want || len(got) != 7 {
				e.Errorf("%+v: %d (%v), want %d of %d", f, len(some), err, want, len(got))
			}
		}
	}
	_, err := read.ParkedByID(e.Context(), tenants[0], theirs.ID)
	e.wantKind(err, hub.KindNotFound, "another tenant's")
	_, err = read.ParkedByID(e.Context(), tenants[0], "prk_none")
	e.wantKind(err, hub.KindNotFound, "a missing one")
}

func testSettle(e *env) {
	tenants := e.tenants(2)
	p := e.parked(tenants[0], hub.CodeMalformed)
	settle := func(p intake.Parked) error {
		return e.s.Do(e.Context(), e.s.Of(tenants[0]), func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Settle(ctx, tx, p) })
	}
	e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Park(ctx, tx, []intake.Parked{p}) })
	foreign := p
	foreign.Tenant, foreign.State = tenants[1], intake.ParkedDropped
	e.wantKind(settle(foreign), hub.KindConflict, "settling another tenant's")
	again := p
	again.Code, again.Path, again.Gist = hub.CodeMissing, "id", driver.Gist{ExternalID: "78"}
	if err := settle(again); err != nil {
		e.Error(err)
	}
	got, err := e.s.Intake().ParkedByID(e.Context(), p.Tenant, p.ID)
	again.Attempts = 1
	if err != nil || !reflect.DeepEqual(got, again) {
		e.Errorf("after a failed replay: %+v, %v", got, err)
	}
	again.State, again.Sealed, again.Expires = intake.ParkedReplayed, nil, ""
	if err := settle(again); err != nil {
		e.Error(err)
	}
	if got, err = e.s.Intake().ParkedByID(e.Context(), p.Tenant, p.ID); err != nil || !reflect.DeepEqual(got, again) {
		e.Errorf("after a replay: %+v, %v", got, err)
	}
	e.wantKind(settle(p), hub.KindConflict, "settling what is not open")
}
