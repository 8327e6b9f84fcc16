package mercadolibre

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"hub"
	"hub/adapters/sandbox/stage"
)

// Options decide how a platform runs. The zero value is a strict platform on a virtual clock.
type Options struct {
	Seed  uint64
	Start time.Time // where the platform's time begins; zero with a Clock: at the clock's time
	Clock hub.Clock // real time, which the platform's time follows; nil is a virtual clock
	Speed int       // how many seconds pass here while the Clock shows one; 1 when 0

	// Dial opens connections for notifications; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wait passes the time of a slow answer; nil waits on a real timer. It returns early when ctx ends.
	Wait func(ctx context.Context, d time.Duration)
	// Unlimited counts no requests, so none is refused with 429: for measuring what asks.
	Unlimited bool
	// Workers is how many notifications of one instant are under way at once; 1 when 0, which keeps their order.
	Workers int
}

// Platform is the platform: sellers, apps, a clock, and what is due.
type Platform struct {
	o    Options
	send http.RoundTripper
	mux  *http.ServeMux

	line    *stage.Timeline
	skew    time.Duration // how far off our clock is for those who look at it
	streams streams
	sellers []*seller
	apps    []*App
	ledger  ledger
	access  map[string]*accessToken
	refresh map[string]*refreshToken
	codes   map[string]*authCode
	pages   map[string]time.Time // until when authorisation pages can be sent that were shown and not used, by their nonces
	sent    []*Sent
	missed  []*missedFeed // the oldest first
	notices []Notice
	faults  faults
}

// streams are the sources of randomness, one for each purpose, so that more of one does not change the others.
type streams struct{ tokens, ids, faults, answers, lives, quirks *rand.Rand }

// ledger finds what the platform knows by its ids.
type ledger struct {
	orders    map[int64]*order
	packs     map[int64]*pack
	shipments map[int64]*shipment
	payments  map[int64]*payment
	claims    map[int64]*claim
	billing   map[int64]*order // one of the orders of a basket
	last      map[string]int64 // id given out last, by what it names
}

// Open makes a platform without sellers and apps.
func Open(o Options) *Platform {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, 300+n)) }
	p := &Platform{
		o: o, line: stage.NewTimeline(stage.Clockwork{Start: o.Start, Clock: o.Clock, Speed: o.Speed, Workers: o.Workers}),
		streams: streams{stream(1), stream(2), stream(3), stream(4), stream(5), stream(6)},
		access:  map[string]*accessToken{}, refresh: map[string]*refreshToken{}, codes: map[string]*authCode{},
		pages: map[string]time.Time{}, faults: newFaults(),
		ledger: ledger{
			map[int64]*order{}, map[int64]*pack{}, map[int64]*shipment{}, map[int64]*payment{}, map[int64]*claim{}, map[int64]*order{}, map[string]int64{},
		},
	}
	if p.o.Wait == nil {
		p.o.Wait = stage.Wait
	}
	p.send, p.mux = stage.Transport(o.Dial), p.newMux()
	return p
}

// Now is the platform's time, without Skew.
func (p *Platform) Now() time.Time { return p.line.Now() }

// Advance moves the clock by d and does everything that falls due on the way, instant by instant. It returns when it is
// done, or when ctx ends; then what was not begun stays due.
func (p *Platform) Advance(ctx context.Context, d time.Duration) { p.line.Advance(ctx, d) }

// Run does what falls due as the given clock reaches it, until ctx ends, and waits for what is under way. It is for a
// platform with a Clock; a virtual one moves by Advance alone.
func (p *Platform) Run(ctx context.Context) { p.line.Run(ctx) }

// Skew puts every time that the platform prints off by d from now on, as a clock does that is wrong: the Date of answers,
// the times of orders and notifications. How long tokens live is not changed by it. It is counted as the fault "skew".
func (p *Platform) Skew(d time.Duration) {
	p.line.Lock()
	defer p.line.Unlock()
	p.skew = d
	p.faults.Count(ClockSkew)
}

// told is the time as the platform tells it. The caller holds the lock.
func (p *Platform) told() time.Time { return p.line.Time().Add(p.skew) }

// id gives out the next id of a kind; they grow by one and a bit.
func (p *Platform) id(kind string, first int64) int64 {
	last := p.ledger.last[kind]
	if last == 0 {
		last = first + int64(p.o.Seed%1000)*100_000
	}
	last += 1 + p.streams.ids.Int64N(97)
	p.ledger.last[kind] = last
	return last
}
