package shopify

import (
	"math/rand/v2"
	"time"

	"hub/adapters/sandbox/stage"
)

// Fault is something that goes wrong.
type Fault string

// The faults of deliveries, then those of the Admin API, then those of bulk operations.
const (
	Duplicate Fault = "duplicate" // sent twice, with the same X-Shopify-Webhook-Id
	Reorder   Fault = "reorder"   // sent up to 3 s late, so that what came later may overtake it
	Delay     Fault = "delay"     // sent up to 10 minutes late
	Drop      Fault = "drop"      // never sent
	Stale     Fault = "stale"     // a lie: the order as it was before the change
	Forge     Fault = "forge"     // sent once more, signed with a wrong secret; nobody may believe it

	APIError    Fault = "api_error"    // answers 502 or 503
	APIHalf     Fault = "api_half"     // the connection ends in the middle of an answer
	APISlow     Fault = "api_slow"     // the answer comes 8 to 30 s late
	APIThrottle Fault = "api_throttle" // THROTTLED, whatever the bucket holds
	APILag      Fault = "api_lag"      // a list of orders that misses the changes of the last 5 s

	BulkFail    Fault = "bulk_fail"    // a bulk operation ends as FAILED
	BulkScatter Fault = "bulk_scatter" // the file of a bulk operation has its orders and lines in any order
)

var allFaults = [...]Fault{Duplicate, Reorder, Delay, Drop, Stale, Forge, APIError, APIHalf, APISlow, APIThrottle, APILag, BulkFail, BulkScatter}

const (
	reorderWithin = 3 * time.Second
	delayWithin   = 10 * time.Minute
	lagBehind     = 5 * time.Second
)

type faults struct{ stage.Faults[Fault] }

func newFaults() faults { return faults{stage.NewFaults(allFaults[:])} }

// SetFault makes a fault happen to perMille of a thousand deliveries or answers, at random. An unknown fault or a rate
// outside of 0 to 1000 is KindInvalid.
func (p *Platform) SetFault(f Fault, perMille int) error {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Rate(f, perMille)
}

// FaultNext makes a fault happen to the next n deliveries or answers that it can happen to.
func (p *Platform) FaultNext(f Fault, n int) error {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Next(f, n)
}

// Faults counts the faults that were played.
func (p *Platform) Faults() map[Fault]int {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Played()
}

// fate is what happens to one delivery.
type fate struct {
	drop, stale, forge bool
	copies             int
	delay              time.Duration
	played             []Fault
}

func (f *faults) forDelivery(r *rand.Rand, m message) (d fate) {
	within := func(limit time.Duration) time.Duration { return time.Duration(1 + r.Int64N(int64(limit))) }
	hit := func(fault Fault) bool {
		if !f.Hit(r, fault) {
			return false
		}
		d.played = append(d.played, fault)
		return true
	}
	if d.drop = hit(Drop); d.drop {
		return d
	}
	d.stale = m.stale != nil && hit(Stale)
	d.forge = f.Hit(r, Forge)
	if hit(Duplicate) {
		d.copies = 1
	}
	if hit(Reorder) {
		d.delay += within(reorderWithin)
	}
	if hit(Delay) {
		d.delay += within(delayWithin)
	}
	return d
}
