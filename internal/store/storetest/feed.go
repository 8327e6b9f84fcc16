package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"hub"
	"hub/internal/orders"
	"hub/internal/store"
)

// testFeedDense has 8 writers append to the feeds of 4 tenants in transactions that overlap, some of which roll back,
// while a reader per tenant follows with a cursor as an ERP does. No number may be missing, and none may show up behind a
// cursor.
func testFeedDense(e *env) {
	rounds := 15
	if testing.Short() {
		rounds = 5
	}
	tenants := e.tenants(4)
	other := e.second()
	done := make(chan struct{})
	var written, rolledBack atomic.Int64
	readers := make([][]hub.Change, len(tenants))
	var reading, writing sync.WaitGroup
	for i, tenant := range tenants {
		reading.Go(func() { readers[i] = e.follow(tenant, done) })
	}
	for w := range 8 {
		s := e.s
		if w%2 == 1 {
			s = other
		}
		writing.Go(func() {
			for round := range rounds {
				n, err := e.write(s, tenants, w, round)
				written.Add(int64(n))
				if err == errRollBack {
					rolledBack.Add(1)
				} else if err != nil {
					e.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	total := 0
	for i, tenant := range tenants {
		again := e.feed(e.s, tenant)
		if !reflect.DeepEqual(again, readers[i]) {
			e.Errorf("tenant %d: the reader saw %d changes, a second reading gives %d or others", i, len(readers[i]), len(again))
		}
		total += len(again)
	}
	if int64(total) != written.Load() {
		e.Errorf("%d changes were committed and %d are there", written.Load(), total)
	}
	e.Logf("8 writers, %d tenants, %d changes, %d transactions rolled back, 0 holes, 0 behind a cursor", len(tenants), total, rolledBack.Load())
}

var errRollBack = fmt.Errorf("on purpose")

// write appends a few changes to several tenants in one transaction; every fifth rolls back.
func (e *env) write(s *store.Store, tenants []hub.TenantID, w, round int) (n int, err error) {
	err = s.Do(e.Context(), s.Of(tenants[0]), func(ctx context.Context, tx hub.Tx) error {
		n = 0
		list := slices.Clone(tenants)
		if w%2 == 0 {
			slices.Reverse(list)
		}
		for i, tenant := range list {
			if (w+round+i)%3 == 0 {
				continue
			}
			var rows []orders.Stored
			var changes []hub.Change
			for k := range 1 + (w+i)%3 {
				o := e.order(tenant, fmt.Sprintf("%d-%d-%d", w, round, k))
				rows, changes = append(rows, o), append(changes, e.change(o))
			}
			if err := s.Feed().Append(ctx, tx, changes); err != nil {
				return err
			}
			if err := s.Orders().Save(ctx, tx, rows); err != nil {
				return err
			}
			n += len(changes)
		}
		if (w+round)%5 == 0 {
			return errRollBack
		}
		return nil
	})
	if err != nil {
		n = 0
	}
	return n, err
}

// follow reads a feed from its start until done is closed and nothing more comes.
func (e *env) follow(tenant hub.TenantID, done <-chan struct{}) (all []hub.Change) {
	for last := false; ; {
		select {
		case <-done:
			last = true
		default:
		}
		page, err := e.s.ERP().Changes(e.Context(), tenant, hub.StreamOrders, int64(len(all)), 5)
		if err != nil {
			e.Errorf("reading: %v", err)
			return all
		}
		for _, c := range page {
			all = append(all, c)
			if c.Sequence != int64(len(all)) {
				e.Errorf("tenant %s: number %d where %d is due: a cursor would have passed one", tenant, c.Sequence, len(all))
				return all
			}
		}
		if last && len(page) == 0 {
			return all
		}
	}
}

// testFeedOrder holds that changes keep the order of Append, that everything comes back as it was given, and that the
// numbers of streams and tenants are their own.
func testFeedOrder(e *env) {
	tenants := e.tenants(2)
	var want []hub.Change
	e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error {
		want = want[:0]
		for i := range 90 {
			c := e.change(e.order(tenants[0], fmt.Sprint(i)))
			c.Type, c.Revision, c.Doc = hub.OrderRefunded, int64(i), fmt.Appendf(nil, `{"i":%d}`, i)
			other, stream := c, c
			other.Tenant, stream.Stream = tenants[1], "privacy"
			if err := e.s.Feed().Append(ctx, tx, []hub.Change{other, c, stream}); err != nil {
				return err
			}
			c.Sequence = int64(i + 1)
			want = append(want, c)
		}
		return nil
	})
	got := e.feed(e.s, tenants[0])
	if !reflect.DeepEqual(got, want) {
		e.Errorf("got %d changes, the first %+v; want %d, the first %+v", len(got), got[:1], len(want), want[0])
	}
	page, err := e.s.ERP().Changes(e.Context(), tenants[0], "privacy", 88, 10)
	if err != nil || len(page) != 2 || page[1].Sequence != 90 {
		e.Errorf("the other stream: %d changes, %v", len(page), err)
	}
	if got := len(e.feed(e.s, tenants[1])); got != 90 {
		e.Errorf("the other tenant has %d changes", got)
	}
}

// testFeedBounds holds that large documents end a page early, and that a position which nothing has reached is refused
// and not answered with an empty page.
func testFeedBounds(e *env) {
	tenant := e.tenant()
	e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
		var list []hub.Change
		for i := range 5 {
			c := e.change(e.order(tenant, fmt.Sprint(i)))
			c.Doc = make([]byte, 3<<20)
			list = append(list, c)
		}
		return e.s.Feed().Append(ctx, tx, list)
	})
	for _, c := range []struct{ after, want int64 }{{0, 3}, {3, 2}, {5, 0}} {
		page, err := e.s.ERP().Changes(e.Context(), tenant, hub.StreamOrders, c.after, 100)
		if err != nil || int64(len(page)) != c.want {
			e.Errorf("after %d: %d changes, %v; want %d", c.after, len(page), err, c.want)
		}
	}
	for _, after := range []int64{6, 1 << 40} {
		if page, err := e.s.ERP().Changes(e.Context(), tenant, hub.StreamOrders, after, 100); hub.CodeOf(err) != store.CodeBeyondHead || page != nil {
			e.Errorf("after %d: %d changes, %v", after, len(page), err)
		}
	}
	if page, err := e.s.ERP().Changes(e.Context(), e.tenant(), hub.StreamOrders, 1, 100); hub.KindOf(err) != hub.KindConflict || page != nil {
		e.Errorf("a feed without changes: %d, %v", len(page), err)
	}
}

func testOnFeed(e *env) {
	var told [][]hub.TenantID
	e.Config.OnFeed = func(tenants []hub.TenantID) { told = append(told, tenants) }
	s := e.open()
	tenants := e.tenants(2)
	slices.Sort(tenants)
	for _, fails := range []bool{true, false} {
		err := s.Do(e.Context(), s.Of(tenants[0]), func(ctx context.Context, tx hub.Tx) error {
			for _, tenant := range []hub.TenantID{tenants[1], tenants[0], tenants[1]} {
				if err := s.Feed().Append(ctx, tx, []hub.Change{e.change(e.order(tenant, "1"))}); err != nil {
					return err
				}
			}
			if fails {
				return errRollBack
			}
			return nil
		})
		if fails != (err != nil) {
			e.Error(err)
		}
	}
	if len(told) != 1 || !slices.Equal(told[0], tenants) {
		e.Errorf("told %v, want once %v", told, tenants)
	}
	if err := s.Do(e.Context(), s.Of(tenants[0]), func(context.Context, hub.Tx) error { return nil }); err != nil || len(told) != 1 {
		e.Errorf("a transaction without changes: %v, told %d times", err, len(told))
	}
}
