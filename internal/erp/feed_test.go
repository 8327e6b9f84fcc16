package erp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hub"
)

// shelf is the changes of tenants and their orders, as the contract of Reader says.
type shelf struct {
	mu      sync.Mutex
	changes map[hub.TenantID][]hub.Change
	orders  map[hub.TenantID][]Row
	reads   int
	err     error
	during  func() // between the look and its answer
}

func (s *shelf) add(t hub.TenantID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.changes[t] = append(s.changes[t], hub.Change{Tenant: t, Sequence: int64(len(s.changes[t]) + 1)})
	}
}

func (s *shelf) Changes(_ context.Context, t hub.TenantID, stream hub.Stream, after int64, limit int) ([]hub.Change, error) {
	s.mu.Lock()
	s.reads++
	all, during, err := s.changes[t], s.during, s.err
	s.during = nil
	s.mu.Unlock()
	if during != nil {
		during()
	}
	if err != nil || stream != hub.StreamOrders {
		return nil, err
	}
	page := all[min(after, int64(len(all))):]
	return page[:min(limit, len(page))], nil
}

func (s *shelf) Orders(_ context.Context, t hub.TenantID, f Filter, after hub.OrderID, limit int) ([]Row, error) {
	var list []Row
	for _, r := range s.orders[t] {
		if r.ID > after && len(list) < limit {
			list = append(list, r)
		}
	}
	return list, s.err
}

func (s *shelf) Order(_ context.Context, t hub.TenantID, id hub.OrderID) (Row, error) {
	for _, r := range s.orders[t] {
		if r.ID == id {
			return r, nil
		}
	}
	return Row{}, notFound()
}

func newShelf() *shelf {
	return &shelf{changes: map[hub.TenantID][]hub.Change{}, orders: map[hub.TenantID][]Row{}}
}

type answer struct {
	page Page
	err  error
	took time.Duration
}

// ask asks in the background.
func ask(ctx context.Context, f *Feed, t hub.TenantID, after int64, wait time.Duration) <-chan answer {
	c := make(chan answer, 1)
	start := time.Now()
	go func() {
		page, err := f.Page(ctx, t, hub.StreamOrders, after, 10, wait)
		c <- answer{page, err, time.Since(start)}
	}()
	return c
}

// A ring wakes all who wait for the tenant at once, and nobody else.
func TestRingWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newShelf(), NewBell()
		f := NewFeed(s, b)
		one, two, other := ask(t.Context(), f, "a", 0, 30*time.Second), ask(t.Context(), f, "a", 0, 30*time.Second), ask(t.Context(), f, "b", 0, 5*time.Second)
		<-time.After(200 * time.Millisecond)
		s.add("a", 1)
		b.Ring([]hub.TenantID{"a", "nobody"})
		for _, c := range []<-chan answer{one, two} {
			if got := <-c; got.err != nil || len(got.page.Changes) != 1 || got.page.Next != 1 || got.took != 200*time.Millisecond {
				t.Errorf("%+v", got)
			}
		}
		if got := <-other; got.err != nil || len(got.page.Changes) != 0 || got.took != 5*time.Second {
			t.Errorf("the other tenant got %+v", got)
		}
	})
}

// A ring that comes after the look and before the wait is not lost.
func TestRingBetweenLookAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newShelf(), NewBell()
		f := NewFeed(s, b)
		s.during = func() {
			s.add("a", 1)
			b.Ring([]hub.TenantID{"a"})
		}
		if got := <-ask(t.Context(), f, "a", 0, 30*time.Second); got.took != 0 || len(got.page.Changes) != 1 {
			t.Errorf("it took %v for %d changes", got.took, len(got.page.Changes))
		}
	})
}

// What another hub committed rings no bell here and is seen within a second.
func TestOtherHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		f := NewFeed(s, NewBell())
		c := ask(t.Context(), f, "a", 0, 30*time.Second)
		<-time.After(4300 * time.Millisecond)
		s.add("a", 1)
		if got := <-c; got.err != nil || len(got.page.Changes) != 1 || got.took != 5*time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// At the deadline the page is empty and asks for the same place; a client that is gone gets its own error.
func TestNothingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newShelf(), NewBell()
		s.add("a", 3)
		f := NewFeed(s, b)
		for _, wait := range []time.Duration{0, 2500 * time.Millisecond, MaxWait} {
			if got := <-ask(t.Context(), f, "a", 3, wait); got.err != nil || got.took != wait || got.page.Next != 3 || got.page.More || len(got.page.Changes) != 0 {
				t.Errorf("waiting %v: %+v", wait, got)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		c := ask(ctx, f, "a", 3, MaxWait)
		<-time.After(time.Second / 2)
		cancel()
		if got := <-c; !errors.Is(got.err, context.Canceled) || got.took != time.Second/2 {
			t.Errorf("%+v", got)
		}
		s.err = errors.New("away")
		if got := <-ask(t.Context(), f, "a", 3, MaxWait); !errors.Is(got.err, s.err) || got.took != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// Each change is seen once, in order, whatever the pages; More is right at the edges.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "changes")
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		s := newShelf()
		s.add("a", n)
		s.add("b", 7)
		f := NewFeed(s, NewBell())
		seen, after := 0, int64(0)
		for {
			page, err := f.Page(t.Context(), "a", hub.StreamOrders, after, limit, 0)
			if err != nil || len(page.Changes) > limit {
				t.Fatalf("%d changes, %v", len(page.Changes), err)
			}
			for _, c := range page.Changes {
				if seen++; c.Sequence != int64(seen) || c.Tenant != "a" {
					t.Fatalf("change %d of %s after %d", c.Sequence, c.Tenant, seen-1)
				}
			}
			if page.More != (seen < n) || page.Next != int64(seen) {
				t.Fatalf("after %d of %d: more %v, next %d", seen, n, page.More, page.Next)
			}
			if after = page.Next; !page.More {
				break
			}
		}
		if seen != n {
			t.Fatalf("%d of %d changes", seen, n)
		}
	})
}

func TestBounds(t *testing.T) {
	f := NewFeed(newShelf(), NewBell())
	for _, c := range []struct {
		after int64
		limit int
		wait  time.Duration
		path  string // of the error, "" for none
	}{
		{0, 1, 0, ""}, {0, MaxLimit, 0, ""}, {-1, 1, 0, "after"}, {0, 0, 0, "limit"}, {0, MaxLimit + 1, 0, "limit"},
		{0, -1, 0, "limit"}, {0, 1, -1, "wait"}, {0, 1, MaxWait + 1, "wait"},
	} {
		_, err := f.Page(t.Context(), "a", hub.StreamOrders, c.after, c.limit, c.wait)
		if hub.PathOf(err) != c.path || (err != nil) != (c.path != "") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The bell holds nothing for readers that are gone, whether they were woken, gave up or asked without waiting.
func TestBellForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newShelf(), NewBell()
		f := NewFeed(s, b)
		var all []<-chan answer
		for i := range 300 {
			tenant := hub.TenantID(rune('a' + i%100))
			all = append(all, ask(t.Context(), f, tenant, 0, time.Duration(i%3)*1500*time.Millisecond))
		}
		<-time.After(time.Second)
		b.Ring([]hub.TenantID{"a", "b", "c"})
		for _, c := range all {
			<-c
		}
		if len(b.waiting) != 0 {
			t.Errorf("%d tenants are left", len(b.waiting))
		}
		one, leave := b.listen("a")
		two, leaveTwo := b.listen("a")
		leave()
		b.Ring([]hub.TenantID{"a"})
		<-one
		<-two
		three, leaveThree := b.listen("a")
		leaveTwo() // of the ring before: the new listener stays
		b.Ring([]hub.TenantID{"a"})
		<-three
		leaveThree()
	})
}

// Many readers, many writers: nobody misses a change.
func TestNoLostWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, changes = 20, 200
		s, b := newShelf(), NewBell()
		f := NewFeed(s, b)
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				for after := int64(0); after < changes; {
					page, err := f.Page(t.Context(), "a", hub.StreamOrders, after, 10, MaxWait)
					if err != nil || len(page.Changes) == 0 || page.Changes[0].Sequence != after+1 {
						t.Errorf("after %d: %+v, %v", after, page, err)
						return
					}
					after = page.Next
				}
			})
		}
		start := time.Now()
		for range changes {
			wg.Go(func() {
				s.add("a", 1)
				b.Ring([]hub.TenantID{"a"})
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("somebody slept through a ring for %v", took)
		}
		t.Logf("%d readers, %d changes, %d reads, 0 lost", readers, changes, s.reads)
	})
}

// Pages end before their documents become too much, but never before the first, and say that there is more.
func TestPageBytes(t *testing.T) {
	const mebi = 1 << 20
	s := &shelf{changes: map[hub.TenantID][]hub.Change{}, orders: map[hub.TenantID][]Row{}}
	for i, size := range []int{3, 3, 3, 9, 1, 7, 1} {
		doc := make([]byte, size*mebi)
		s.changes["t"] = append(s.changes["t"], hub.Change{Sequence: int64(i + 1), Doc: doc})
		s.orders["t"] = append(s.orders["t"], Row{ID: hub.OrderID(rune('a' + i)), Doc: doc})
	}
	feed, orders := NewFeed(s, NewBell()), NewOrders(s, nil, nil)
	want := []struct {
		rows int
		more bool
	}{{2, true}, {1, true}, {1, true}, {2, true}, {1, false}}
	var after int64
	var id hub.OrderID
	for i, w := range want {
		page, err := feed.Page(t.Context(), "t", hub.StreamOrders, after, 100, 0)
		if err != nil || len(page.Changes) != w.rows || page.More != w.more {
			t.Fatalf("page %d: %d changes, more %v, %v; want %+v", i, len(page.Changes), page.More, err, w)
		}
		list, err := orders.List(t.Context(), "t", Filter{}, id, 100)
		if err != nil || len(list.Rows) != w.rows || (list.Next != "") != w.more {
			t.Fatalf("list %d: %d orders, next %q, %v; want %+v", i, len(list.Rows), list.Next, err, w)
		}
		after, id = page.Next, list.Next
	}
}
