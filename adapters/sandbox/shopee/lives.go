package shopee

import (
	"context"
	"math/rand/v2"
	"time"
)

// Trade makes a shop live: n orders are placed, one each interval and a bit, and each goes through an orderly life whose
// steps are about pace apart. It only plans; Advance or Run makes it happen. n below 0 is without end.
func (p *Platform) Trade(shop string, n int, interval, pace time.Duration) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(shop)
	if s == nil {
		return notFound("planning trade", "shop")
	}
	p.nextOrder(shop, s, n, max(interval, time.Millisecond), max(pace, time.Millisecond))
	return nil
}

// nextOrder plans the next order and, behind it, the one after it.
func (p *Platform) nextOrder(shop string, s *store, n int, interval, pace time.Duration) {
	if n == 0 {
		return
	}
	p.line.At(p.line.Time().Add(about(p.streams.lives, interval)), func(context.Context) {
		o, err := p.Act(shop, Create, "")
		p.line.Lock()
		defer p.line.Unlock()
		p.nextOrder(shop, s, n-1, interval, pace)
		if err == nil {
			p.nextStep(shop, o.ID, life(p.streams.lives, s.spec.Region), pace)
		}
	})
}

// nextStep plans the next action of a life. One that the order cannot take is left out.
func (p *Platform) nextStep(shop, sn string, steps []Action, pace time.Duration) {
	if len(steps) == 0 {
		return
	}
	p.line.At(p.line.Time().Add(about(p.streams.lives, pace)), func(context.Context) {
		_, _ = p.Act(shop, steps[0], sn) // a conflict is a step left out
		p.line.Lock()
		defer p.line.Unlock()
		p.nextStep(shop, sn, steps[1:], pace)
	})
}

// about draws a time around d, from half of it to half more.
func about(r *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(r.Int64N(int64(d)+1))
}

// life draws what happens to an order after it was placed.
func life(r *rand.Rand, region string) (steps []Action) {
	chance := func(in int, actions ...Action) bool {
		if r.IntN(in) != 0 {
			return false
		}
		steps = append(steps, actions...)
		return true
	}
	if chance(14, Cancel) { // it is never paid
		return steps
	}
	steps = append(steps, Pay)
	chance(12, Hold, Release)
	if region == "BR" {
		steps = append(steps, Invoice)
	}
	chance(8, Note)
	if chance(20, Cancel) || chance(20, RequestCancel, Cancel) {
		return steps
	}
	chance(15, RequestCancel, RefuseCancel)
	steps = append(steps, Arrange)
	chance(15, RetryShip, Arrange)
	steps = append(steps, PickUp)
	if chance(40, Lose) {
		return steps
	}
	steps = append(steps, Deliver)
	if chance(15, ReturnAll, AcceptReturn) || chance(12, ReturnOne, AcceptReturn) {
		return steps
	}
	chance(20, ReturnOne, RefuseReturn)
	steps = append(steps, Complete)
	if chance(12, ReturnOne, AcceptReturn) {
		chance(2, ReturnAll, AcceptReturn)
	}
	return steps
}

// Grow gives an unpaid order n more lines, as a wholesale order has, and tells nobody.
func (p *Platform) Grow(shop, sn string, n int) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(shop)
	if s == nil || s.bySN[sn] == nil || s.bySN[sn].status != unpaid {
		return notFound("growing an order", "unpaid order")
	}
	p.grow(s.bySN[sn], n)
	p.touch(s.bySN[sn])
	return nil
}
