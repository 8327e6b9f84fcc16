package shopify

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

	// Loopback accepts webhook addresses with http:// when their host is a loopback address. The real platform takes
	// https:// only and refuses internal addresses.
	Loopback bool
	// Dial opens connections for deliveries; nil is a net.Dialer. Connecting is bounded at one second in any case.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wait passes the time of a slow answer; nil waits on a real timer. It returns early when ctx ends.
	Wait func(ctx context.Context, d time.Duration)
	// Unlimited charges nothing for queries, and runs bulk operations at once: for measuring what asks.
	Unlimited bool
	// Workers is how many deliveries of one instant are under way at once; 1 when 0, which keeps their order.
	Workers int
}

// Platform is the platform: shops, apps, a clock, and what is due.
type Platform struct {
	o      Options
	send   http.RoundTripper
	schema *schema

	line    *stage.Timeline
	streams streams
	shops   []*store
	apps    []*App
	access  map[string]*accessToken
	refresh map[string]*refreshToken
	codes   map[string]*authCode
	bulk    []*bulkOperation
	pages   map[string]time.Time // until when authorize pages can be sent that were shown and not used, by their nonces
	sent    []*Sent
	notices []Notice
	faults  faults
}

// streams are the sources of randomness, one for each purpose, so that more of one does not change the others.
type streams struct{ tokens, ids, faults, answers, lives, secrets *rand.Rand }

// Open makes a platform without shops and apps.
func Open(o Options) *Platform {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, 100+n)) }
	p := &Platform{
		o: o, schema: adminSchema, line: stage.NewTimeline(stage.Clockwork{Start: o.Start, Clock: o.Clock, Speed: o.Speed, Workers: o.Workers}),
		streams: streams{stream(1), stream(2), stream(3), stream(4), stream(5), stream(6)},
		access:  map[string]*accessToken{}, refresh: map[string]*refreshToken{}, codes: map[string]*authCode{},
		pages: map[string]time.Time{}, faults: newFaults(),
	}
	if p.o.Wait == nil {
		p.o.Wait = stage.Wait
	}
	p.send = transport(o.Dial)
	return p
}

// Now is the platform's time.
func (p *Platform) Now() time.Time { return p.line.Now() }

// Advance moves the clock by d and does everything that falls due on the way, instant by instant. It returns when it is
// done, or when ctx ends; then what was not begun stays due.
func (p *Platform) Advance(ctx context.Context, d time.Duration) { p.line.Advance(ctx, d) }

// Run does what falls due as the given clock reaches it, until ctx ends, and waits for what is under way. It is for a
// platform with a Clock; a virtual one moves by Advance alone.
func (p *Platform) Run(ctx context.Context) { p.line.Run(ctx) }
