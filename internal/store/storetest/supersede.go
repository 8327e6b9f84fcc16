package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/internal/intake"
	"hub/internal/orders"
	"hub/internal/store"
)

// parkedOf makes a parked delivery of a version of an order.
func (e *env) parkedOf(k orders.Key, version time.Time) intake.Parked {
	p := e.parked(k.Tenant, hub.CodeMissing)
	p.Connection, p.Gist = k.Connection, driver.Gist{ExternalID: k.External, SourceUpdatedAt: version}
	return p
}

func (e *env) park(list ...intake.Parked) {
	e.Helper()
	e.do(list[0].Tenant, func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Park(ctx, tx, list) })
}

// testSupersede closes what is older than a stored version, and nothing else, however much lies beside it.
func testSupersede(e *env) {
	for _, beside := range []int{0, 300} {
		k := e.order(e.tenant(), fmt.Sprint("z", beside)).Key
		at := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
		other, shop, case1 := k, k, k
		other.External, shop.Connection, case1.External = "other", k.Connection+"x", k.External+" "
		older, justOlder := e.parkedOf(k, at.Add(-time.Hour)), e.parkedOf(k, at.Add(-time.Microsecond))
		stay := []intake.Parked{
			e.parkedOf(k, at), // maybe the further of two states of one moment
			e.parkedOf(k, at.Add(time.Microsecond)), e.parkedOf(k, time.Time{}), e.parkedOf(other, at), e.parkedOf(shop, at), e.parkedOf(case1, at),
		}
		dropped := e.parkedOf(k, at)
		dropped.State, dropped.Sealed = intake.ParkedDropped, nil
		for i := range beside {
			another := k
			another.External = hub.ExternalID(fmt.Sprint("beside ", i))
			stay = append(stay, e.parkedOf(another, at))
		}
		e.park(append([]intake.Parked{older, justOlder, dropped}, stay...)...)
		e.do(k.Tenant, func(ctx context.Context, tx hub.Tx) error {
			return e.s.Intake().Supersede(ctx, tx, []intake.Newest{{Order: k, SourceUpdatedAt: at, Revision: 4}})
		})
		for _, p := range []intake.Parked{older, justOlder} {
			got, err := e.s.Intake().ParkedByID(e.Context(), k.Tenant, p.ID)
			if err != nil || got.State != intake.ParkedClosed || got.ClosedBy != 4 || got.Sealed != nil || got.Expires != "" {
				e.Errorf("beside %d: closed: %+v, %v", beside, got, err)
			}
		}
		for _, p := range append(stay, dropped) {
			got, err := e.s.Intake().ParkedByID(e.Context(), k.Tenant, p.ID)
			if err != nil || got.State != p.State || got.ClosedBy != 0 {
				e.Errorf("beside %d: was to stay %s: %+v, %v", beside, p.State, got, err)
			}
		}
		e.Logf("2 closed, %d left alone", len(stay)+1)
	}
}

// testSupersedeRace has one transaction park a version while another stores a newer one, in both orders of writing and
// looking. Whichever is first, the parked one is closed.
func testSupersedeRace(e *env) {
	rounds := e.rounds(40, 2000)
	other := e.second()
	tenant := e.tenant()
	at := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	for i := range rounds {
		o := e.order(tenant, fmt.Sprint("race ", i))
		p := e.parkedOf(o.Key, at.Add(-time.Second))
		settle := func(s *store.Store, ctx context.Context, tx hub.Tx, found map[orders.Key]orders.Stored) error {
			row, ok := found[o.Key]
			if !ok {
				return nil
			}
			return s.Intake().Supersede(ctx, tx, []intake.Newest{{Order: o.Key, SourceUpdatedAt: at, Revision: row.Revision}})
		}
		var wg sync.WaitGroup
		start := make(chan struct{})
		run := func(s *store.Store, f func(context.Context, hub.Tx) error) {
			wg.Go(func() {
				<-start
				if err := s.Do(e.Context(), s.Of(tenant), f); err != nil {
					e.Error(err)
				}
			})
		}
		run(e.s, func(ctx context.Context, tx hub.Tx) error {
			if err := e.s.Intake().Park(ctx, tx, []intake.Parked{p}); err != nil {
				return err
			}
			found, err := e.s.Orders().Lock(ctx, tx, []orders.Key{o.Key})
			if err != nil {
				return err
			}
			return settle(e.s, ctx, tx, found)
		})
		run(other, func(ctx context.Context, tx hub.Tx) error {
			if err := other.Orders().Save(ctx, tx, []orders.Stored{o}); err != nil {
				return err
			}
			return settle(other, ctx, tx, map[orders.Key]orders.Stored{o.Key: o})
		})
		close(start)
		wg.Wait()
		got, err := e.s.Intake().ParkedByID(e.Context(), tenant, p.ID)
		if err != nil || got.State != intake.ParkedClosed || got.ClosedBy != 1 {
			e.Fatalf("round %d: %+v, %v", i, got, err)
		}
	}
	e.Logf("%d races, each closed", rounds)
}
