package mercadolibre

import (
	"math/rand/v2"
	"slices"
	"time"

	"hub/adapters/sandbox/stage"
)

// Fault is something that goes wrong.
type Fault string

// The faults of notifications, then those of the API, of searches, of the token endpoint, and of the clock.
const (
	Duplicate Fault = "duplicate" // sent twice, with the same _id
	Reorder   Fault = "reorder"   // sent up to 3 s late, so that what came later may overtake it
	Delay     Fault = "delay"     // sent up to 10 minutes late
	Drop      Fault = "drop"      // never sent, and not among the missed feeds either
	Forge     Fault = "forge"     // a stranger sends one more: for a seller who does not exist, or with another's order

	APIError    Fault = "api_error"    // answers 500, 502 or 503, in words or as a page
	APIHalf     Fault = "api_half"     // 206: an order without parts that could not be loaded, named in X-Content-Missing
	APICut      Fault = "api_cut"      // the connection ends in the middle of an answer
	APISlow     Fault = "api_slow"     // the answer comes 4 to 30 s late
	APIThrottle Fault = "api_throttle" // 429, whatever is left of the budget

	APILag      Fault = "api_lag"      // a search that misses the changes of the last 5 s
	PagesRepeat Fault = "pages_repeat" // a page begins with what the one before it had
	PagesSkip   Fault = "pages_skip"   // a page leaves out what it should begin with

	TokenHalf  Fault = "token_half"  // half the answer, and the old refresh token is spent
	TokenTwice Fault = "token_twice" // the answer twice in one body, and the old refresh token is spent
	TokenLate  Fault = "token_late"  // the answer 20 to 60 s late, and the old refresh token is spent at once
	Token520   Fault = "token_520"   // 520 from what stands in front of the platform: nothing was spent

	ClockSkew Fault = "skew" // Skew was called; it has no rate
)

// allFaults are those that have a rate.
var allFaults = [...]Fault{
	Duplicate, Reorder, Delay, Drop, Forge, APIError, APIHalf, APICut, APISlow, APIThrottle, APILag, PagesRepeat, PagesSkip,
	TokenHalf, TokenTwice, TokenLate, Token520,
}

// FaultNames lists the faults that can be set.
func FaultNames() []Fault { return slices.Clone(allFaults[:]) }

const (
	reorderWithin = 3 * time.Second
	delayWithin   = 10 * time.Minute
	lagBehind     = 5 * time.Second
	shiftWithin   = 5 // orders that a page repeats or skips at most
)

type faults struct{ stage.Faults[Fault] }

func newFaults() faults { return faults{stage.NewFaults(allFaults[:])} }

// SetFault makes a fault happen to perMille of a thousand notifications or answers, at random. An unknown fault or a rate
// outside of 0 to 1000 is KindInvalid.
func (p *Platform) SetFault(f Fault, perMille int) error {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Rate(f, perMille)
}

// FaultNext makes a fault happen to the next n notifications or answers that it can happen to.
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

// fate is what happens to one notification.
type fate struct {
	drop, forge bool
	copies      int
	delay       time.Duration
	played      []Fault
}

func (f *faults) forNotification(r *rand.Rand) (d fate) {
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
