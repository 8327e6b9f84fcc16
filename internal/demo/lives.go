package demo

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"hub"
	"hub/adapters/sandbox/shopify"
)

const (
	interval = 8 * time.Second  // between two orders, at the platform
	pace     = 80 * time.Second // between two steps of one order; half of it at least, so no two share a second
	dropOne  = 16               // one step in so many is not told to anybody
)

// lives lets orders live at the platform.
//
// A hub that only listens has no way to a version that was never delivered, so no order may end on one: a step that is
// dropped is always followed by one that is told, a note on the order if nothing else is left to happen to it. Deletions
// are never dropped, since nothing can follow one.
type lives struct {
	act  func(domain string, action shopify.Action, id int64) (shopify.OrderState, error)
	drop func(next int) error // how many of the next deliveries the platform drops
	seed uint64

	mu     sync.Mutex // one action at a time: a drop hits the deliveries of the action that it is meant for, and no other
	ended  atomic.Int64
	steps  atomic.Int64
	silent atomic.Int64 // steps that were dropped
}

// run places n orders and returns when all of them have lived.
func (l *lives) run(ctx context.Context, n int) error {
	all, living := errgroup.WithContext(ctx)
	for i := range n {
		random := rand.New(rand.NewPCG(l.seed, 1000+uint64(i)))
		if rest(living, about(random, interval)) != nil {
			break
		}
		all.Go(func() error { return l.one(living, random) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// one is the life of an order.
func (l *lives) one(ctx context.Context, random *rand.Rand) error {
	o, hidden, err := l.step(shopify.Create, 0, random.IntN(dropOne) == 0)
	if err != nil {
		return err
	}
	told := func(action shopify.Action, drop bool) error {
		if err := rest(ctx, about(random, pace)); err != nil {
			return err
		}
		_, silent, err := l.step(action, o.ID, drop)
		if hub.KindOf(err) == hub.KindConflict {
			return nil // the order cannot take it: a step left out
		}
		hidden = silent
		return err
	}
	for _, action := range life(random) {
		drop := random.IntN(dropOne) == 0 && action != shopify.Delete
		if action == shopify.Delete && hidden {
			if err := told(shopify.Note, false); err != nil {
				return err
			}
		}
		if err := told(action, drop); err != nil {
			return err
		}
	}
	if hidden {
		if err := told(shopify.Note, false); err != nil {
			return err
		}
	}
	l.ended.Add(1)
	return nil
}

// step does something to an order, and keeps the platform from telling it when drop says so.
func (l *lives) step(action shopify.Action, id int64, drop bool) (o shopify.OrderState, hidden bool, err error) {
	const all = 100 // more than one action is told in
	l.mu.Lock()
	defer l.mu.Unlock()
	if drop {
		if err := l.drop(all); err != nil {
			return o, false, err
		}
	}
	o, err = l.act(shopDomain, action, id)
	if drop {
		if err := l.drop(0); err != nil {
			return o, false, err
		}
	}
	if err != nil {
		return o, false, err
	}
	l.steps.Add(1)
	if drop {
		l.silent.Add(1)
	}
	return o, drop, nil
}

// life draws what happens to an order after it was placed.
func life(random *rand.Rand) (steps []shopify.Action) {
	one := func(in int, a shopify.Action) {
		if random.IntN(in) == 0 {
			steps = append(steps, a)
		}
	}
	one(10, shopify.Note)
	one(8, shopify.Edit)
	if random.IntN(12) == 0 { // never paid
		steps = append(steps, shopify.Cancel)
		one(3, shopify.Delete)
		return steps
	}
	steps = append(steps, shopify.Pay)
	if random.IntN(15) == 0 {
		return append(steps, shopify.Cancel)
	}
	one(4, shopify.FulfillPart)
	one(2, shopify.Fulfill)
	one(6, shopify.RefundOne)
	one(20, shopify.RefundAll)
	return steps
}

// about draws a time from half of d to half more.
func about(random *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(random.Int64N(int64(d)+1))
}

// rest waits for a time of the platform.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d / speed)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
