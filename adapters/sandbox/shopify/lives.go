package shopify

import (
	"context"
	"math/rand/v2"
	"time"
)

// Trade makes a shop live: n orders are placed, one each interval and a bit, and each goes through an orderly life whose
// steps are about pace apart. It only plans; Advance or Run makes it happen. n below 0 is without end.
func (p *Platform) Trade(domain string, n int, interval, pace time.Duration) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(domain)
	if s == nil {
		return notFound("planning trade", "shop")
	}
	p.nextOrder(s, n, max(interval, time.Millisecond), max(pace, time.Millisecond))
	return nil
}

// nextOrder plans the next order and, behind it, the one after it.
func (p *Platform) nextOrder(s *store, n int, interval, pace time.Duration) {
	if n == 0 {
		return
	}
	p.line.At(p.line.Time().Add(about(p.streams.lives, interval)), func(context.Context) {
		o, err := p.Act(s.Domain, Create, 0)
		p.line.Lock()
		defer p.line.Unlock()
		p.nextOrder(s, n-1, interval, pace)
		if err == nil {
			p.nextStep(s, o.ID, life(p.streams.lives), pace)
		}
	})
}

// nextStep plans the next action of a life. One that the order cannot take is left out.
func (p *Platform) nextStep(s *store, id int64, steps []Action, pace time.Duration) {
	if len(steps) == 0 {
		return
	}
	p.line.At(p.line.Time().Add(about(p.streams.lives, pace)), func(context.Context) {
		_, _ = p.Act(s.Domain, steps[0], id) // a conflict is a step left out
		p.line.Lock()
		defer p.line.Unlock()
		p.nextStep(s, id, steps[1:], pace)
	})
}

// about draws a time around d, from half of it to half more.
func about(r *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(r.Int64N(int64(d)+1))
}

// life draws what happens to an order after it was placed.
func life(r *rand.Rand) (steps []Action) {
	one := func(in int, a Action) {
		if r.IntN(in) == 0 {
			steps = append(steps, a)
		}
	}
	one(8, Note)
	one(10, Edit)
	if r.IntN(12) == 0 { // it is never paid
		steps = append(steps, Cancel)
		one(4, Delete)
		return steps
	}
	steps = append(steps, Pay)
	one(10, Edit)
	if r.IntN(15) == 0 {
		return append(steps, Cancel)
	}
	one(4, FulfillPart)
	if r.IntN(3) > 0 {
		steps = append(steps, Fulfill)
	}
	one(6, RefundOne)
	one(12, RefundOne)
	one(20, RefundAll)
	return steps
}

// Grow gives an order n more lines, as a wholesale order has, and tells nobody.
func (p *Platform) Grow(domain string, id int64, n int) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(domain)
	if s == nil || s.order(id) == nil || s.order(id).payment != 0 {
		return notFound("growing an order", "unpaid order")
	}
	s.order(id).grow(n)
	return nil
}
