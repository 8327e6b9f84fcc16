package demo

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"hub"
)

const (
	interval = 1200 * time.Millisecond // between two orders of a shop, at the platform
	pace     = 6 * time.Second         // between two steps of one order; half of it at least, so no two share a second
	dropOne  = 16                      // one step in so many is not told to anybody
	pastOne  = 5                       // one order in so many is from before the shop was connected
)

// deletion is the one step that nothing shows when it was not told: it is never dropped, nor what comes just before it.
const deletion step = "delete"

// lives lets orders live at a platform.
type lives struct {
	trade trade
	watch *watch
	seed  uint64
	all   int  // orders, those from before among them
	calm  bool // every step is told

	mu     sync.Mutex // one action at a time: a drop hits the deliveries of the action that it is meant for, and no other
	old    []life     // those from before
	ended  atomic.Int64
	steps  atomic.Int64
	silent atomic.Int64 // steps that were dropped
	mute   atomic.Int64 // orders of which the last step was dropped
}

// life is what still happens to an order.
type life struct {
	order string
	steps []step
	*rand.Rand
	hidden bool // nobody was told the last step
}

// draw begins a life.
func (l *lives) draw(n int) *life {
	random := rand.New(rand.NewPCG(l.seed, 1000+uint64(n)))
	return &life{steps: l.trade.life(random), Rand: random}
}

// past places n orders that nobody is told of, an interval apart, and has a part of their lives pass with it. Nothing of
// them is deleted: what is gone before anybody looks never was.
func (l *lives) past(n int, interval time.Duration, pass func(time.Duration)) error {
	for i := range n {
		one := l.draw(i)
		left := one.IntN(len(one.steps) + 1)
		begun := one.steps[:len(one.steps)-left]
		one.steps = one.steps[len(begun):]
		each := interval / time.Duration(len(begun)+1)
		for _, s := range append([]step{placing}, begun...) {
			if s == deletion {
				break
			}
			if err := l.step(one, s, false); err != nil {
				return err
			}
			pass(each)
		}
		if len(one.steps) > 0 && one.steps[len(one.steps)-1] == deletion {
			one.steps = one.steps[:len(one.steps)-1]
		}
		l.old = append(l.old, *one)
	}
	return nil
}

// run places the orders that are still to come, and returns when all have lived.
func (l *lives) run(ctx context.Context) error {
	all, living := errgroup.WithContext(ctx)
	for _, one := range l.old {
		all.Go(func() error { return l.finish(living, &one) })
	}
	for i := len(l.old); i < l.all; i++ {
		one := l.draw(i)
		if l.rest(living, about(one.Rand, interval)) != nil {
			break
		}
		all.Go(func() error {
			if err := l.step(one, placing, l.drops(one)); err != nil {
				return err
			}
			return l.finish(living, one)
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// finish has the rest of a life happen.
func (l *lives) finish(ctx context.Context, one *life) error {
	for len(one.steps) > 0 {
		next := one.steps[0]
		if err := l.rest(ctx, about(one.Rand, pace)); err != nil {
			return err
		}
		last := len(one.steps) > 1 && one.steps[1] == deletion
		if err := l.step(one, next, l.drops(one) && next != deletion && !last); err != nil {
			return err
		}
		one.steps = one.steps[1:]
	}
	if one.hidden {
		l.mute.Add(1)
	}
	l.ended.Add(1)
	return nil
}

// drops draws whether a step is not told.
func (l *lives) drops(one *life) bool { return one.IntN(dropOne) == 0 && !l.calm }

// step does something to an order, and keeps the platform from telling it when drop says so. One that the order cannot take
// is left out.
func (l *lives) step(one *life, s step, drop bool) error {
	const all = 100 // more than one action is told in
	l.mu.Lock()
	defer l.mu.Unlock()
	if drop {
		if err := l.trade.hush(all); err != nil {
			return err
		}
	}
	id, err := l.trade.act(s, one.order)
	if drop {
		if err := l.trade.hush(0); err != nil {
			return err
		}
	}
	if err != nil {
		if hub.KindOf(err) == hub.KindConflict {
			return nil
		}
		return err
	}
	one.order, one.hidden = id, drop
	l.steps.Add(1)
	if drop {
		l.silent.Add(1)
	}
	return nil
}

// about draws a time from half of d to half more.
func about(random *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(random.Int64N(int64(d)+1))
}

// tick is the resolution of the platforms' times, and a bit: two steps of an order within it would be one version.
const tick = 1100 * time.Millisecond

// rest waits for a time of the platform as it passes in a hurry, and for a tick of it in any case.
func (l *lives) rest(ctx context.Context, d time.Duration) error {
	begun := l.watch.time()
	timer := time.NewTimer(d / speed)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		left := min(d, tick) - l.watch.time().Sub(begun)
		if left <= 0 {
			return nil
		}
		timer.Reset(left)
	}
}
