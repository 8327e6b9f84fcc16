package mercadolibre

import (
	"context"
	"math/rand/v2"
	"time"
)

// Trade makes a seller live: n baskets are bought, one each interval and a bit, and each goes through an orderly life whose
// steps are about pace apart. It only plans; Advance or Run makes it happen. n below 0 is without end.
func (p *Platform) Trade(account string, n int, interval, pace time.Duration) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.seller(account)
	if s == nil {
		return notFound("planning trade", "seller")
	}
	p.nextOrder(s, n, max(interval, time.Millisecond), max(pace, time.Millisecond))
	return nil
}

// nextOrder plans the next basket and, behind it, the one after it. One in five has two orders.
func (p *Platform) nextOrder(s *seller, n int, interval, pace time.Duration) {
	if n == 0 {
		return
	}
	p.line.At(p.line.Time().Add(about(p.streams.lives, interval)), func(context.Context) {
		p.line.Lock()
		action := Create
		if p.streams.lives.IntN(5) == 0 {
			action = CreatePack
		}
		p.line.Unlock()
		first, err := p.Act(s.account(), action, 0)
		p.line.Lock()
		defer p.line.Unlock()
		p.nextOrder(s, n-1, interval, pace)
		if err != nil {
			return
		}
		for _, o := range p.ledger.orders[first.ID].basket() {
			p.nextStep(s, o.id, life(p.streams.lives), pace)
		}
	})
}

// nextStep plans the next action of a life. One that the order cannot take, or that another order of its basket took for it,
// is left out.
func (p *Platform) nextStep(s *seller, id int64, steps []Action, pace time.Duration) {
	if len(steps) == 0 {
		return
	}
	p.line.At(p.line.Time().Add(about(p.streams.lives, pace)), func(context.Context) {
		_, _ = p.Act(s.account(), steps[0], id) // a conflict is a step left out
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
	one := func(in int, actions ...Action) {
		if r.IntN(in) == 0 {
			steps = append(steps, actions...)
		}
	}
	if r.IntN(12) == 0 { // it is never paid
		return append(steps, Cancel)
	}
	steps = append(steps, Pay)
	one(10, Note)
	one(30, Fraud)
	one(6, Split)
	if r.IntN(12) == 0 {
		return append(steps, Cancel)
	}
	if r.IntN(5) == 0 { // still to be sent
		one(4, Refund)
		return steps
	}
	steps = append(steps, Ship)
	if r.IntN(20) == 0 {
		return append(steps, Lose)
	}
	steps = append(steps, Deliver)
	one(8, Refund)
	one(10, Note)
	if r.IntN(6) == 0 {
		steps = append(steps, Claim)
		if r.IntN(3) == 0 {
			return append(steps, Settle)
		}
		return append(steps, Return, ReturnSent, Returned)
	}
	return steps
}
