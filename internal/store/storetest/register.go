package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/orders"
	"hub/internal/store"
)

func (e *env) hold(tenant hub.TenantID, holdings ...gdpr.Holding) error {
	return e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		return e.s.Subjects().Hold(ctx, tx, holdings)
	})
}

func testHold(e *env) {
	tenants := e.tenants(2)
	tenant, u := tenants[0], e.s.Subjects()
	a, b := e.subject(), e.subject()
	list := []gdpr.Holding{{Tenant: tenant, Subject: b, Place: gdpr.InRaws, Row: "raw_1"}, {Tenant: tenant, Subject: a, Place: gdpr.InOrders, Row: "ord_2"},
		{Tenant: tenant, Subject: a, Place: gdpr.InOrders, Row: "ord_1"}, {Tenant: tenant, Subject: a, Place: gdpr.InRaws, Row: "raw_1"},
		{Tenant: tenant, Subject: a, Place: gdpr.InOrders, Row: "ord_1"}}
	for range 2 { // known ones change nothing
		must(e, e.hold(tenant, list...), e.hold(tenant))
		for _, c := range []struct {
			who  []gdpr.SubjectID
			want string
		}{{[]gdpr.SubjectID{a}, "2 1"}, {[]gdpr.SubjectID{b}, "0 1"}, {[]gdpr.SubjectID{a, b, a}, "2 1"}, {[]gdpr.SubjectID{e.subject()}, "0 0"}} {
			got, err := u.Count(e.Context(), tenant, c.who)
			if err != nil || fmt.Sprint(got[gdpr.InOrders], " ", got[gdpr.InRaws]) != c.want || got[gdpr.InParked] != 0 {
				e.Errorf("%d subjects hold %v, %v; want %s", len(c.who), got, err, c.want)
			}
		}
	}
	var got []hub.OrderID
	for len(got) < 9 {
		page, err := u.OrdersOf(e.Context(), tenant, a, slices.Max(append(got, "")), 1)
		must(e, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if !slices.Equal(got, []hub.OrderID{"ord_1", "ord_2"}) {
		e.Errorf("orders %v", got)
	}
	foreign, err := u.OrdersOf(e.Context(), tenants[1], a, "", 10)
	counts, err2 := u.Count(e.Context(), tenants[1], []gdpr.SubjectID{a, b})
	if must(e, err, err2); len(foreign) != 0 || len(counts) != 0 {
		e.Errorf("another tenant sees %v, %v", foreign, counts)
	}
	e.wantKind(e.hold(tenants[1], gdpr.Holding{Tenant: tenants[1], Subject: a, Place: gdpr.InOrders, Row: "ord_3"}), hub.KindInternal, "another tenant's subject")
	if n := e.lines(tenants[1], a); n != 0 {
		e.Errorf("%d lines of another tenant", n)
	}
	long := list[0]
	long.Row = fmt.Sprint(make([]byte, 50))
	e.wantKind(e.hold(tenant, long), hub.KindInvalid, "a long row")
}

// testHoldInBulk holds what a batch of the drain holds: more subjects and lines than one statement takes.
func testHoldInBulk(e *env) {
	tenant := e.tenant()
	var list []gdpr.Holding
	var first gdpr.SubjectID
	for i := range 700 {
		id := e.subject()
		if i == 0 {
			first = id
		}
		list = append(list, gdpr.Holding{Tenant: tenant, Subject: id, Place: gdpr.InOrders, Row: fmt.Sprint("ord_", i)},
			gdpr.Holding{Tenant: tenant, Subject: id, Place: gdpr.InRaws, Row: fmt.Sprint("raw_", i)})
	}
	must(e, e.hold(tenant, list[:700]...), e.hold(tenant, list...))
	if n := e.count(tenant, "SELECT COUNT(*) FROM subject_places WHERE tenant_id = ?"); n != 1400 {
		e.Errorf("%d lines of 1400", n)
	}
	if n := e.count(tenant, "SELECT COUNT(*) FROM subjects WHERE tenant_id = ?"); n != 700 {
		e.Errorf("%d subjects of 700", n)
	}
	e.apply(tenant, nil, e.entry(1, forget.Fenced, tenant, first))
	more := gdpr.Holding{Tenant: tenant, Subject: e.subject(), Place: gdpr.InRaws, Row: "raw_x"}
	if err := e.hold(tenant, append(list, more)...); hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != gdpr.CodeSubjectFenced {
		e.Errorf("one fenced of 701: %v", err)
	}
	if n := e.lines(tenant, more.Subject); n != 0 {
		e.Error("a refused batch left a line")
	}
}

// testHoldConcurrent has many writers hold the same new subjects at once, in all orders: all get through, each line is there
// once.
func testHoldConcurrent(e *env) {
	const workers, n = 6, 40
	tenant, other := e.tenant(), e.second()
	people := make([]gdpr.SubjectID, n)
	for i := range people {
		people[i] = e.subject()
	}
	var runs atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		s := e.s
		if w%2 == 1 {
			s = other
		}
		wg.Go(func() {
			for part := range 4 {
				err := s.Do(e.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
					runs.Add(1)
					var list []gdpr.Holding
					for i := range n / 2 {
						list = append(list, gdpr.Holding{Tenant: tenant, Subject: people[(i*7+w*11+part*10)%n], Place: gdpr.InOrders, Row: fmt.Sprint("ord_", w%3)})
					}
					if err := s.Subjects().Hold(ctx, tx, list[:n/4]); err != nil {
						return err
					}
					return s.Subjects().Hold(ctx, tx, list[n/4:])
				})
				if err != nil {
					e.Errorf("worker %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	e.Logf("%d transactions of %d workers over %d new subjects in %d runs", workers*4, workers, n, runs.Load())
}

// testFenceWaits holds that a fence waits for a write that is under way, whether the person's line is old or new, and a
// write for a fence: within the time that they are given here, they do not get through.
func testFenceWaits(e *env) {
	tenant, other := e.tenant(), e.second()
	known, unknown := e.subject(), e.subject()
	row := func(who gdpr.SubjectID) gdpr.Holding {
		return gdpr.Holding{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: "ord_1"}
	}
	must(e, e.hold(tenant, row(known)))
	fence := func(ctx context.Context, s *store.Store, who gdpr.SubjectID) error {
		return s.Do(ctx, s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			_, err := s.Subjects().Apply(ctx, tx, []forget.Entry{e.entry(1, forget.Fenced, tenant, who)}, nil)
			return err
		})
	}
	for name, who := range map[string]gdpr.SubjectID{"an old line": known, "a new line": unknown} {
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
			if err := e.s.Subjects().Hold(ctx, tx, []gdpr.Holding{row(who)}); err != nil {
				return err
			}
			e.wantKind(e.inTime(func(ctx context.Context) error { return fence(ctx, other, who) }), hub.KindUnavailable, "a fence of "+name)
			return nil
		})
	}
	for name, who := range map[string]gdpr.SubjectID{"an old line": known, "a new line": e.subject()} {
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
			if _, err := e.s.Subjects().Apply(ctx, tx, []forget.Entry{e.entry(2, forget.Fenced, tenant, who)}, nil); err != nil {
				return err
			}
			e.wantKind(e.inTime(func(ctx context.Context) error {
				return other.Do(ctx, other.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
					return other.Subjects().Hold(ctx, tx, []gdpr.Holding{row(who)})
				})
			}), hub.KindUnavailable, "a write of "+name)
			e.wantKind(e.inTime(func(ctx context.Context) error {
				_, err := other.ERP().Disclose(ctx, other.Of(tenant), answers(tenant, e.disclosure(tenant, "ord_1", who)))
				return err
			}), hub.KindUnavailable, "a disclosure of "+name)
			return nil
		})
	}
}

// inTime gives something little time.
func (e *env) inTime(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(e.Context(), 200*time.Millisecond)
	defer cancel()
	return f(ctx)
}

// testFenceAgainstKill has a fence and a kill of the same person meet: whoever comes last, the person stays erased.
func testFenceAgainstKill(e *env) {
	tenant, other := e.tenant(), e.second()
	rounds := e.rounds(25, 300)
	for round := range rounds {
		who := e.subject()
		if round%2 == 0 {
			must(e, e.hold(tenant, gdpr.Holding{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: "ord_1"}))
		}
		var wg sync.WaitGroup
		for i, what := range []forget.What{forget.Fenced, forget.Killed, forget.Fenced} {
			s, entry := e.s, e.entry(0, what, tenant, who)
			if i == 1 {
				s = other
			}
			wg.Go(func() {
				err := s.Do(e.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
					_, err := s.Subjects().Apply(ctx, tx, []forget.Entry{entry}, nil)
					return err
				})
				if err != nil {
					e.Error(err)
				}
			})
		}
		wg.Wait()
		if got := e.state(tenant, who); got != "erased" {
			e.Fatalf("round %d: %s", round, got)
		}
	}
	e.Logf("%d persons fenced twice and killed at the same time, 0 came back", rounds)
}

// testFenceRace has writers write a person's data while it is being fenced. The fence counts, still inside of its
// transaction, what is committed: nothing may be committed afterwards.
func testFenceRace(e *env) {
	rounds := e.rounds(25, 300)
	other := e.second()
	tenant := e.tenant()
	var written, refused, after int64
	for round := range rounds {
		who := e.subject()
		var commits atomic.Int64
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for w := range 4 {
			s := e.s
			if w%2 == 1 {
				s = other
			}
			wg.Go(func() {
				for i := 0; ; i++ {
					o := e.people(tenant, fmt.Sprintf("%d-%d-%d", round, w, i), who, "", "")
					err := s.Do(e.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
						if _, err := s.Orders().Lock(ctx, tx, []orders.Key{o.Key}); err != nil {
							return err
						}
						if err := s.Subjects().Hold(ctx, tx, e.holdings(o)); err != nil {
							return err
						}
						return s.Orders().Save(ctx, tx, []orders.Stored{o})
					})
					if hub.CodeOf(err) == gdpr.CodeSubjectFenced {
						atomic.AddInt64(&refused, 1)
						return
					}
					if err != nil || i > 1000 {
						e.Errorf("writer %d, write %d: %v", w, i, err)
						return
					}
					if commits.Add(1) == int64(1+round%5) {
						close(begin)
					}
				}
			})
		}
		if round%5 != 0 { // else it races with the very first write, which makes the line
			<-begin
		}
		var before int64
		entry := e.entry(int64(round+1), forget.Fenced, tenant, who)
		must(e, e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			_, err := e.s.Subjects().Apply(ctx, tx, []forget.Entry{entry}, nil)
			if err == nil {
				before = e.ordersIn(tenant, round)
			}
			return err
		}))
		wg.Wait()
		written += before
		after += e.ordersIn(tenant, round) - before
		if e.Failed() {
			break
		}
	}
	if after != 0 || refused != 4*int64(rounds) {
		e.Errorf("%d writes were committed after their fence, %d writers of %d were refused", after, refused, 4*rounds)
	}
	e.Logf("%d fences against 4 writers each, %d writes committed before, %d after, %d refused", rounds, written, after, refused)
}

// ordersIn counts the orders of one round.
func (e *env) ordersIn(tenant hub.TenantID, round int) int64 {
	prefix := fmt.Sprintf("%d-", round)
	return e.count(tenant, "SELECT COUNT(*) FROM orders WHERE tenant_id = ? AND external_id >= ? AND external_id < ?", prefix, prefix+"~")
}
