package storetest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/internal/orders"
)

func testOrdersRoundTrip(e *env) {
	full, bare := e.order(e.tenant(), "1"), orders.Stored{}
	bare.Key = full.Key
	bare.External, bare.ID, bare.New = "2", hub.OrderID(e.ids.New(hub.OrderPrefix)), true
	absent := full.Key
	absent.External = "3"
	e.save(full, bare)
	for range 2 {
		found := e.lock(full.Key, bare.Key, absent)
		if len(found) != 2 {
			e.Fatalf("found %d rows of 2", len(found))
		}
		for _, want := range []orders.Stored{full, bare} {
			want.New = false
			if got := found[want.Key]; !reflect.DeepEqual(got, want) {
				e.Errorf("got\n%+v want\n%+v", got, want)
			}
		}
		full.New, bare.New = false, false
		full.Revision, full.Status, full.Doc, full.Personal = full.Revision+1, "closed", []byte("{}"), nil
		full.Recipient, full.Payer, full.Shared, full.Expires, full.Number = full.Payer, nil, []byte("s"), "2029-W01", ""
		full.DeletedAt, full.PlacedAt = full.UpdatedAt.Add(time.Second), time.Time{}
		bare.Doc, bare.Revision = []byte("new"), 1
		e.save(full, bare)
	}
}

func testOrdersInBulk(e *env) {
	tenant := e.tenant()
	const n = 700
	var rows []orders.Stored
	var keys []orders.Key
	for i := range n {
		o := e.order(tenant, fmt.Sprint(i*7919%n))
		if i%3 == 0 {
			o.Connection += "x"
		}
		o.Doc = bytes.Repeat([]byte{byte(i)}, i+1)
		rows, keys = append(rows, o), append(keys, o.Key)
	}
	e.save(rows...)
	for i := range rows {
		rows[i].New = false
		if i%2 == 0 {
			rows[i].Revision++
		}
	}
	more := e.order(tenant, "more")
	e.save(append(rows, more)...) // known and new rows in one call
	found := e.lock(append(keys, more.Key)...)
	if len(found) != n+1 {
		e.Fatalf("found %d rows of %d", len(found), n+1)
	}
	for _, want := range rows {
		if got := found[want.Key]; got.Revision != want.Revision || !bytes.Equal(got.Doc, want.Doc) || got.ID != want.ID {
			e.Fatalf("order %s: revision %d with %d bytes, want %d with %d", want.External, got.Revision, len(got.Doc), want.Revision, len(want.Doc))
		}
	}
	if got := len(e.feed(e.s, tenant)); got != 2*n+1 {
		e.Errorf("%d changes, want %d", got, 2*n+1)
	}
	e.Logf("%d orders over two connections, %d changes", n+1, 2*n+1)
}

func testOrdersTenant(e *env) {
	tenants := e.tenants(2)
	mine := e.order(tenants[0], "1")
	e.save(mine)
	theirs := mine.Key
	theirs.Tenant = tenants[1]
	err := e.s.Do(e.Context(), e.s.Of(theirs.Tenant), func(ctx context.Context, tx hub.Tx) error {
		_, err := e.s.Orders().Lock(ctx, tx, []orders.Key{theirs})
		return err
	})
	e.wantKind(err, hub.KindConflict, "another tenant's key")
}

// testLockSerialises has many read-modify-writes of one row at once: without a lock, updates are lost.
func testLockSerialises(e *env) {
	o := e.order(e.tenant(), "1")
	e.save(o)
	const workers, each = 6, 10
	other := e.second()
	var runs atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		s := e.s
		if w%2 == 1 {
			s = other
		}
		wg.Go(func() {
			for range each {
				err := s.Do(e.Context(), s.Of(o.Tenant), func(ctx context.Context, tx hub.Tx) error {
					runs.Add(1)
					found, err := s.Orders().Lock(ctx, tx, []orders.Key{o.Key})
					if err != nil {
						return err
					}
					row := found[o.Key]
					row.Revision++
					return s.Orders().Save(ctx, tx, []orders.Stored{row})
				})
				if err != nil {
					e.Errorf("worker %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	if got := e.lock(o.Key)[o.Key].Revision; got != 1+workers*each {
		e.Errorf("revision %d after %d increments from 1", got, workers*each)
	}
	e.Logf("%d increments, %d runs, 0 lost", workers*each, runs.Load())
}

// testRacingInsert has two stores decide at the same moment that an order is new. One row comes out, and both learn of it.
func testRacingInsert(e *env) {
	other := e.second()
	const rounds = 8
	var runs atomic.Int64
	for i := range rounds {
		tenant := e.tenant()
		first := e.order(tenant, fmt.Sprint(i))
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for w := range 2 {
			s, mine := e.s, first
			if w == 1 {
				s, mine.ID = other, hub.OrderID(e.ids.New(hub.OrderPrefix))
			}
			wg.Go(func() {
				<-gate
				err := s.Do(e.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
					runs.Add(1)
					found, err := s.Orders().Lock(ctx, tx, []orders.Key{mine.Key})
					if err != nil {
						return err
					}
					row, ok := found[mine.Key]
					if !ok {
						row = mine
						row.Revision = 0
					}
					row.Revision++
					if err := s.Orders().Save(ctx, tx, []orders.Stored{row}); err != nil {
						return err
					}
					return s.Feed().Append(ctx, tx, []hub.Change{e.change(row)})
				})
				if err != nil {
					e.Errorf("writer %d: %v", w, err)
				}
			})
		}
		close(gate)
		wg.Wait()
		changes := e.feed(e.s, tenant)
		if len(changes) != 2 || changes[0].OrderID != changes[1].OrderID || changes[0].Revision != 1 || changes[1].Revision != 2 {
			e.Errorf("round %d: changes %+v", i, changes)
		}
	}
	e.Logf("%d rounds of two writers, %d runs, one row each", rounds, runs.Load())
}
