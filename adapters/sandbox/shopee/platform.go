package shopee

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

	// Loopback takes http:// for push and redirect addresses whose host is a loopback address. Others must be https://.
	Loopback bool
	// Dial opens connections for pushes; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wait passes the time of a slow answer; nil waits on a real timer. It returns early when ctx ends.
	Wait func(ctx context.Context, d time.Duration)

	// Unlimited has no budget: for measuring what asks. Otherwise one app may make PerSecond calls a second for one shop,
	// and Burst at once; what it asks for itself has a budget of its own. Shopee publishes no rate (U).
	Unlimited        bool
	PerSecond, Burst int // 20 and 40 when 0
	// Daily is how many calls an app has from midnight to midnight in UTC+8; 0 is as many as it likes.
	Daily int
	// EscrowAfter is how long after the payment the money of an order is known (U); a minute when 0, at once below.
	EscrowAfter time.Duration
	// Workers is how many pushes of one instant are under way at once; 1 when 0, which keeps their order.
	Workers int
}

// Platform is the platform: shops, apps, a clock, and what is due.
type Platform struct {
	o      Options
	send   http.RoundTripper
	routes map[string]route

	line    *stage.Timeline
	skew    time.Duration // how far the clock that callers meet is off
	streams streams
	shops   map[int64]*store
	listed  []*store // in the order of their making
	mains   []*main
	apps    []*App
	grants  map[grantKey]*grant
	access  map[string]*accessToken
	refresh map[string]*refreshToken
	codes   map[string]*authCode
	pages   map[string]*asked // by the nonce of a page that was shown and not used
	lastID  int64             // given out last, of what is not a shop's
	sent    []*Sent
	notices []Notice
	faults  faults
}

// Notice is an e-mail to the developers of an app.
type Notice struct {
	At   time.Time `json:"at"`
	App  string    `json:"app"` // partner id
	Text string    `json:"text"`
}

// streams are the sources of randomness, one for each purpose, so that more of one does not change the others.
type streams struct{ tokens, ids, faults, answers, lives *rand.Rand }

// Open makes a platform without shops and apps.
func Open(o Options) *Platform {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, 200+n)) }
	p := &Platform{
		o: o, routes: routes(), line: stage.NewTimeline(stage.Clockwork{Start: o.Start, Clock: o.Clock, Speed: o.Speed, Workers: o.Workers}), streams: streams{stream(1), stream(2), stream(3), stream(4), stream(5)},
		shops: map[int64]*store{}, grants: map[grantKey]*grant{}, access: map[string]*accessToken{},
		refresh: map[string]*refreshToken{}, codes: map[string]*authCode{}, pages: map[string]*asked{},
		lastID: 170_000, faults: newFaults(),
	}
	p.o.PerSecond, p.o.Burst = orElse(o.PerSecond, 20), orElse(o.Burst, 40)
	if o.EscrowAfter == 0 {
		p.o.EscrowAfter = time.Minute
	}
	if p.o.Wait == nil {
		p.o.Wait = stage.Wait
	}
	p.send = stage.Transport(o.Dial)
	return p
}

func orElse(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// SetSkew makes the clock that callers meet, in the Date header and in the age of signatures, differ from the platform's
// own, as when a caller's clock is off by minutes. A call that is refused because of it counts as a Skew that was played.
func (p *Platform) SetSkew(d time.Duration) {
	p.line.Lock()
	defer p.line.Unlock()
	p.skew = d
}

// id gives out an identifier that is not a shop's.
func (p *Platform) id() int64 {
	p.lastID += 1 + p.streams.ids.Int64N(7)
	return p.lastID
}

// Now is the platform's time.
func (p *Platform) Now() time.Time { return p.line.Now() }

// Advance moves the clock by d and does everything that falls due on the way, instant by instant. It returns when it is
// done, or when ctx ends; then what was not begun stays due.
func (p *Platform) Advance(ctx context.Context, d time.Duration) { p.line.Advance(ctx, d) }

// Run does what falls due as the given clock reaches it, until ctx ends, and waits for what is under way. It is for a
// platform with a Clock; a virtual one moves by Advance alone.
func (p *Platform) Run(ctx context.Context) { p.line.Run(ctx) }
