package storetest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/intake"
	"hub/internal/orders"
)

func (e *env) visit(tenant hub.TenantID, place gdpr.Location, limit int, who ...gdpr.SubjectID) (v forget.Visited, more bool) {
	e.Helper()
	e.do(tenant, func(ctx context.Context, tx hub.Tx) (err error) {
		v, more, err = e.s.Subjects().Visit(ctx, tx, place, who, limit)
		return err
	})
	return v, more
}

func (e *env) wantVisited(what string, v forget.Visited, place gdpr.Location, looked, found int64) {
	e.Helper()
	if v.Place != place || v.Looked != looked || v.Found != found || v.Acted != found || v.Method == "" {
		e.Errorf("%s: %+v, want %d looked at and %d emptied", what, v, looked, found)
	}
}

// testVisitOrders has people in several parts of several orders. One goes: what names that person goes, all else stays as
// it is, byte for byte.
func testVisitOrders(e *env) {
	tenant := e.tenant()
	a, b, c, d := e.subject(), e.subject(), e.subject(), e.subject()
	alone, first := e.people(tenant, "alone", a, "", ""), e.people(tenant, "first", a, b, c)
	second, third := e.people(tenant, "second", b, a, ""), e.people(tenant, "third", b, c, d)
	damaged := e.people(tenant, "damaged", a, b, "")
	damaged.Recipient[5] ^= 1
	e.bring(alone, first, second, third, damaged)
	v, more := e.visit(tenant, gdpr.InOrders, 100, a)
	if e.wantVisited("one person", v, gdpr.InOrders, 4, 4); more {
		e.Error("more")
	}
	want := map[orders.Key]orders.Stored{third.Key: third}
	alone.Personal, alone.Expires = nil, ""
	first.Personal, first.Shared = nil, nil
	second.Recipient, second.Shared = nil, nil
	damaged.Personal, damaged.Recipient, damaged.Shared, damaged.Expires = nil, nil, nil, "" // a damaged part opens for nobody
	for _, o := range []orders.Stored{alone, first, second, damaged} {
		o.Erased = true
		want[o.Key] = o
	}
	for key, got := range e.lock(alone.Key, first.Key, second.Key, third.Key, damaged.Key) {
		w := want[key]
		w.New = false
		if !reflect.DeepEqual(got, w) {
			e.Errorf("%s: %+v, want %+v", key.External, got, w)
		}
	}
	for _, p := range []struct {
		who  gdpr.SubjectID
		want int64
	}{{a, 0}, {b, 3}, {c, 2}, {d, 1}} { // b is in first, second, third; nothing of b is left in damaged
		counts, err := e.s.Subjects().Count(e.Context(), tenant, []gdpr.SubjectID{p.who})
		if err != nil || counts[gdpr.InOrders] != p.want {
			e.Errorf("%s is in %d orders, want %d (%v)", p.who, counts[gdpr.InOrders], p.want, err)
		}
	}
	v, more = e.visit(tenant, gdpr.InOrders, 100, a)
	if e.wantVisited("again", v, gdpr.InOrders, 0, 0); more {
		e.Error("more again")
	}
	v, _ = e.visit(tenant, gdpr.InOrders, 100, b, c, d, d)
	e.wantVisited("the others together", v, gdpr.InOrders, 3, 3)
	for key, got := range e.lock(first.Key, second.Key, third.Key) {
		if got.Personal != nil || got.Recipient != nil || got.Payer != nil || got.Shared != nil || got.Expires != "" || len(got.Doc) == 0 {
			e.Errorf("%s keeps %+v", key.External, got)
		}
	}
	for _, place := range []gdpr.Location{gdpr.InParked, "nowhere"} {
		err := e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			_, _, err := e.s.Subjects().Visit(ctx, tx, place, []gdpr.SubjectID{a}, 1)
			return err
		})
		e.wantKind(err, hub.KindInvalid, "visiting "+string(place))
	}
}

// sealed reads a payload beside the store.
func (e *env) sealed(ref hub.RawRef) (sealed []byte, expires string) {
	e.Helper()
	for _, name := range e.Config.Shards {
		row := e.db(name).QueryRow("SELECT sealed, expires FROM raws WHERE raw_ref = ?", string(ref))
		if row.Scan(&sealed, &expires) == nil {
			return sealed, expires
		}
	}
	e.Errorf("%s is gone", ref)
	return nil, ""
}

// testVisitRaws holds that a payload goes with the first person in it.
func testVisitRaws(e *env) {
	tenant := e.tenant()
	a, b := e.subject(), e.subject()
	refs := e.bring(e.people(tenant, "both", a, b, ""), e.people(tenant, "other", b, "", ""), e.people(tenant, "one", a, "", ""))
	v, more := e.visit(tenant, gdpr.InRaws, 10, a)
	if e.wantVisited("one person", v, gdpr.InRaws, 2, 2); more {
		e.Error("more")
	}
	for i, keeps := range []bool{false, true, false} {
		if sealed, expires := e.sealed(refs[i]); keeps != (len(sealed) > 9000) || keeps != (expires == "2027-W08") {
			e.Errorf("payload %d has %d bytes and expires with %q", i, len(sealed), expires)
		}
	}
	counts, err := e.s.Subjects().Count(e.Context(), tenant, []gdpr.SubjectID{b})
	if err != nil || counts[gdpr.InRaws] != 1 || counts[gdpr.InOrders] != 2 {
		e.Errorf("the other holds %v, %v", counts, err)
	}
	crowd := make([]gdpr.SubjectID, 32) // the longest header
	for i := range crowd {
		crowd[i] = e.subject()
	}
	o := e.people(tenant, "crowd", crowd[0], "", "")
	o.Shared = e.envelope(10, crowd...)
	refs = e.bring(o)
	v, _ = e.visit(tenant, gdpr.InRaws, 10, crowd[31])
	e.wantVisited("one of many", v, gdpr.InRaws, 1, 1)
	if sealed, _ := e.sealed(refs[0]); len(sealed) != 0 || e.lines(tenant, crowd[5]) != 1 { // the order is left
		e.Errorf("the payload of many has %d bytes, another of them %d lines", len(sealed), e.lines(tenant, crowd[5]))
	}
}

// testVisitInSteps empties the many rows of a person a few at a time, and has every second step roll back.
func testVisitInSteps(e *env) {
	tenant := e.tenant()
	a, b := e.subject(), e.subject()
	var list []orders.Stored
	for i := range 25 {
		list = append(list, e.people(tenant, fmt.Sprint(i), a, b, ""))
	}
	e.bring(list...)
	var acted int64
	steps := 0
	for more := true; more; steps++ {
		_ = e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			_, _, err := e.s.Subjects().Visit(ctx, tx, gdpr.InOrders, []gdpr.SubjectID{a}, 4)
			must(e, err)
			return errRollBack
		})
		var v forget.Visited
		v, more = e.visit(tenant, gdpr.InOrders, 4, a)
		acted += v.Acted
	}
	if acted != 25 || steps != 7 || e.lines(tenant, a) != 25 || e.lines(tenant, b) != 50 {
		e.Errorf("%d rows in %d steps; lines left: %d, of the other %d", acted, steps, e.lines(tenant, a), e.lines(tenant, b))
	}
}

// testVisitWhileWriting empties what a fenced person holds while others, who are in the same orders, are written: nobody
// loses anything, and nothing of the fenced one comes back.
func testVisitWhileWriting(e *env) {
	tenant, other := e.tenant(), e.second()
	gone, stays := e.subject(), e.subject()
	var list []orders.Stored
	for i := range 30 {
		list = append(list, e.people(tenant, fmt.Sprint(i), stays, gone, ""))
	}
	e.bring(list...)
	e.apply(tenant, nil, e.entry(1, forget.Fenced, tenant, gone))
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := range list {
				o := list[(i*7+w*10)%len(list)]
				err := other.Do(e.Context(), other.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
					found, err := other.Orders().Lock(ctx, tx, []orders.Key{o.Key})
					if err != nil {
						return err
					}
					row := found[o.Key]
					row.Revision++
					row.Personal = e.envelope(300, stays)
					if err := other.Subjects().Hold(ctx, tx, []gdpr.Holding{{Tenant: tenant, Subject: stays, Place: gdpr.InOrders, Row: string(o.ID)}}); err != nil {
						return err
					}
					return other.Orders().Save(ctx, tx, []orders.Stored{row})
				})
				if err != nil {
					e.Error(err)
				}
			}
		})
	}
	var acted int64
	for more := true; more; {
		var v forget.Visited
		v, more = e.visit(tenant, gdpr.InOrders, 3, gone)
		acted += v.Acted
	}
	wg.Wait()
	for _, o := range list {
		got := e.lock(o.Key)[o.Key]
		if got.Recipient != nil || got.Shared != nil || got.Revision != 4 || len(got.Personal) == 0 || bytes.Equal(got.Personal, o.Personal) {
			e.Errorf("%s: revision %d, %d and %d bytes of the fenced one", o.External, got.Revision, len(got.Recipient), len(got.Shared))
		}
	}
	e.Logf("%d orders emptied of one person while another was written 90 times", acted)
}

// testVisitWaits holds that rows are not emptied while somebody decides what to write into them.
func testVisitWaits(e *env) {
	tenant, other, who := e.tenant(), e.second(), e.subject()
	o := e.people(tenant, "1", who, "", "")
	o.Expires = "2000-W01"
	e.bring(o)
	for name, empty := range map[string]func(context.Context, hub.Tx) error{
		"Visit": func(ctx context.Context, tx hub.Tx) error {
			_, _, err := other.Subjects().Visit(ctx, tx, gdpr.InOrders, []gdpr.SubjectID{who}, 10)
			return err
		},
		"Expired": func(ctx context.Context, tx hub.Tx) error {
			_, _, err := other.Subjects().Expired(ctx, tx, gdpr.InOrders, "2000-W02", 10)
			return err
		},
	} {
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
			if _, err := e.s.Orders().Lock(ctx, tx, []orders.Key{o.Key}); err != nil {
				return err
			}
			err := e.inTime(func(ctx context.Context) error { return other.Do(ctx, other.Of(tenant), empty) })
			e.wantKind(err, hub.KindUnavailable, name)
			return nil
		})
	}
	v, _ := e.expire(tenant, gdpr.InOrders, "2000-W02", 10) // and leave nothing behind that other tests would count
	e.wantVisited("afterwards", v, gdpr.InOrders, 1, 1)
}

// testWrittenAnew has an order that has aged out be written anew while Expired waits for it: it stays.
func testWrittenAnew(e *env) {
	if !e.Many {
		e.Log("there is one writer at a time, nothing happens meanwhile")
		return
	}
	tenant, other, who := e.tenant(), e.second(), e.subject()
	o := e.people(tenant, "1", who, "", "")
	o.Expires = "2000-W01"
	e.bring(o)
	done := make(chan forget.Visited, 1)
	e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
		if _, err := e.s.Orders().Lock(ctx, tx, []orders.Key{o.Key}); err != nil {
			return err
		}
		go func() {
			var v forget.Visited
			err := other.Do(e.Context(), other.Of(tenant), func(ctx context.Context, tx hub.Tx) (err error) {
				v, _, err = other.Subjects().Expired(ctx, tx, gdpr.InOrders, "2000-W02", 10)
				return err
			})
			if err != nil {
				e.Error(err)
			}
			done <- v
		}()
		e.untilWaiting()
		fresh := o
		fresh.New, fresh.Expires, fresh.Personal = false, "2030-W01", e.envelope(10, who)
		return e.s.Orders().Save(ctx, tx, []orders.Stored{fresh})
	})
	v := <-done
	if got := e.lock(o.Key)[o.Key]; v.Acted != 0 || got.Personal == nil || got.Expires != "2030-W01" {
		e.Errorf("%+v; the order expires with %q and has %d bytes", v, got.Expires, len(got.Personal))
	}
}

// untilWaiting returns when a transaction waits for a lock.
func (e *env) untilWaiting() {
	e.Helper()
	db := e.db(e.Config.Shards[0])
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		var name string
		var n int
		// The tables of transactions and locks are caches that frequent readers keep from being renewed.
		err := db.QueryRow("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").Scan(&name, &n)
		if must(e, err); n > 0 {
			return
		}
	}
	e.Error("nobody waits for a lock")
}

func (e *env) expire(tenant hub.TenantID, place gdpr.Location, before gdpr.Week, limit int) (sum forget.Visited, steps int) {
	e.Helper()
	for more := true; more && steps < 100; steps++ {
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
			v, again, err := e.s.Subjects().Expired(ctx, tx, place, before, limit)
			more, sum.Place, sum.Method = again, v.Place, v.Method
			sum.Looked, sum.Found, sum.Acted = sum.Looked+v.Looked, sum.Found+v.Found, sum.Acted+v.Acted
			return err
		})
	}
	return sum, steps
}

// testExpired has its own weeks, long before those of other tests on the same shards.
func testExpired(e *env) {
	tenant := e.tenant()
	a, b := e.subject(), e.subject()
	var list []orders.Stored
	for i, week := range []gdpr.Week{"1999-W52", "2000-W01", "2000-W02", "1999-W01", "2000-W01", ""} {
		o := e.people(tenant, fmt.Sprint(i), a, b, "")
		o.Expires = week
		list = append(list, o)
	}
	e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
		var raws []intake.Raw
		for _, o := range list {
			w, held := e.payload(o)
			w.Expires = o.Expires
			raws = append(raws, w)
			if err := e.s.Subjects().Hold(ctx, tx, append(held, e.holdings(o)...)); err != nil {
				return err
			}
		}
		if err := e.put(ctx, tx, list...); err != nil {
			return err
		}
		return e.s.Intake().KeepRaw(ctx, tx, raws)
	})
	for place, rest := range map[gdpr.Location]int64{gdpr.InOrders: 2, gdpr.InRaws: 2} {
		if v, _ := e.expire(tenant, place, "1999-W01", 10); v.Looked != 0 {
			e.Errorf("nothing has expired: %+v", v)
		}
		v, steps := e.expire(tenant, place, "2000-W02", 3)
		if e.wantVisited("expired", v, place, 4, 4); steps != 2 {
			e.Errorf("%d steps", steps)
		}
		v, _ = e.expire(tenant, place, "2000-W02", 3)
		e.wantVisited("again", v, place, 0, 0)
		for _, who := range []gdpr.SubjectID{a, b} {
			counts, err := e.s.Subjects().Count(e.Context(), tenant, []gdpr.SubjectID{who})
			if err != nil || counts[place] != rest {
				e.Errorf("%s holds %v, %v; want %d", who, counts, err, rest)
			}
		}
	}
	for _, o := range list {
		got := e.lock(o.Key)[o.Key]
		keeps := o.Expires == "2000-W02" || o.Expires == ""
		for i, part := range [][]byte{got.Personal, got.Recipient, got.Shared} {
			if keeps != (part != nil) {
				e.Errorf("expires with %q, part %d: %d bytes", o.Expires, i, len(part))
			}
		}
		if keeps && got.Expires != o.Expires || !keeps && got.Expires != "" {
			e.Errorf("expires with %q, now %q", o.Expires, got.Expires)
		}
	}
	if n := e.count(tenant, "SELECT COUNT(*) FROM raws WHERE tenant_id = ? AND LENGTH(sealed) > 0"); n != 2 {
		e.Errorf("%d payloads of 2", n)
	}
	e.wantKind(e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		_, _, err := e.s.Subjects().Expired(ctx, tx, "nowhere", "2000-W01", 1)
		return err
	}), hub.KindInvalid, "no such place")
}

func testExpiredParked(e *env) {
	tenant := e.tenant()
	old, young := e.parked(tenant, hub.CodeMissing), e.parked(tenant, hub.CodeMissing)
	old.Expires = "2000-W01"
	e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
		return e.s.Intake().Park(ctx, tx, []intake.Parked{old, young})
	})
	v, _ := e.expire(tenant, gdpr.InParked, "2000-W02", 1)
	e.wantVisited("expired", v, gdpr.InParked, 1, 1)
	got, err := e.s.Intake().ParkedByID(e.Context(), tenant, old.ID)
	if err != nil || got.Sealed != nil || got.State != intake.ParkedDropped || got.Code != "expired" || got.Expires != "" {
		e.Errorf("%+v, %v", got, err)
	}
	if got, err = e.s.Intake().ParkedByID(e.Context(), tenant, young.ID); err != nil || got.Sealed == nil || got.State != intake.ParkedOpen {
		e.Errorf("the young one: %+v, %v", got, err)
	}
}

func testUnparsed(e *env) {
	tenants := e.tenants(2)
	var list []intake.Parked
	for i := range 5 {
		p := e.parked(tenants[i/4], hub.CodeMissing)
		p.Sealed = e.envelope(50 + i)
		list = append(list, p)
	}
	list[1].Sealed = nil // it could not be opened in the first place
	e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Park(ctx, tx, list) })
	all := func() (got []forget.Unparsed) {
		var after hub.ParkedID
		for {
			page, err := e.s.Subjects().Unparsed(e.Context(), tenants[0], after, 2)
			must(e, err)
			if len(page) == 0 {
				return got
			}
			got, after = append(got, page...), page[len(page)-1].ID
		}
	}
	want := []forget.Unparsed{{ID: list[0].ID, Sealed: list[0].Sealed}, {ID: list[2].ID, Sealed: list[2].Sealed}, {ID: list[3].ID, Sealed: list[3].Sealed}}
	if got := all(); fmt.Sprint(got) != fmt.Sprint(want) {
		e.Errorf("%d unparsed, want %d", len(got), len(want))
	}
	for range 2 {
		e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error {
			return e.s.Subjects().Empty(ctx, tx, tenants[0], []hub.ParkedID{list[3].ID, list[4].ID, list[1].ID, list[0].ID, "prk_none"})
		})
	}
	if got := all(); fmt.Sprint(got) != fmt.Sprint(want[1:2]) {
		e.Errorf("%d left, want 1", len(got))
	}
	got, err := e.s.Intake().ParkedByID(e.Context(), tenants[0], list[0].ID)
	if err != nil || got.State != intake.ParkedDropped || got.Code != "erased" || got.Sealed != nil || got.Expires != "" {
		e.Errorf("emptied: %+v, %v", got, err)
	}
	if got, err = e.s.Intake().ParkedByID(e.Context(), tenants[1], list[4].ID); err != nil || got.Sealed == nil {
		e.Errorf("another tenant's: %+v, %v", got, err)
	}
}
