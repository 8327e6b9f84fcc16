// Package adapters is the portable type around a platform's driver: it carries the driver's calls, and waits, signs,
// sends, bounds and tries again.
//
// It promises that a call waits for a budget which is never overdrawn by this hub alone, that fresh work goes before
// backfill and tenants take equal turns, that a call whose outcome is unknown is repeated only where the driver says that
// twice is like once, that no answer is larger than its bound, that nothing but public addresses is ever connected to (a
// sandbox on loopback excepted, and only at its very address), that no redirect is followed, and that no error, counter
// or state holds an address with its query, a token, or a piece of an answer.
//
// It does not promise that several hubs share a budget: each keeps its own, and learns from what the platform answers.
// Where the platform tells what is left (Shopify's bucket does), all of them see the truth and slow down together; where
// it does not, they learn from refusals. A shared Limiter can take the place of the one here. It keeps nothing on disk.
package adapters

import (
	"context"
	"net/http"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Priority is how urgent a call is.
type Priority uint8

// The priorities.
const (
	Fresh    Priority = iota // somebody waits: hints, tokens
	Backfill                 // polls and the past, which can wait for a gap; it gets every ninth turn when there is none
)

// Shop is who is called, and for whom.
type Shop struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID // "" before there is one
	Account    string           // the shop at the platform; "" for calls that are the app's alone
}

// Tokens are the access tokens of shops. They are safe for concurrent use.
type Tokens interface {
	// Token returns a token that should work now.
	Token(ctx context.Context, s Shop) (string, error)
	// Renew returns a newer token than the one that was refused; many callers with one refused token cause one refresh.
	Renew(ctx context.Context, s Shop, refused string) (string, error)
}

// Observer counts tries. Its methods must be quick and safe for concurrent use; labels are from closed lists.
type Observer interface {
	// Tried is called after each try that was sent, or that a breaker stopped, with the context of the call.
	Tried(ctx context.Context, t Try)
	// Breaker is called when one changes its state: closed, half-open, open.
	Breaker(p hub.Platform, c driver.Class, state string)
}

// Try is one try of a call.
type Try struct {
	Platform hub.Platform
	Class    driver.Class
	Name     string // of the call
	Outcome  string // "ok", or the kind of the error
	Status   int    // of the answer; 0 without one
	Attempt  int    // of the call, from 1
	Waited   time.Duration
	Took     time.Duration
}

// Options are what a Storefront needs: a Clock, and Tokens for calls that are not public. The rest has defaults.
type Options struct {
	Clock    hub.Clock
	Tokens   Tokens   // of the app's shops
	Limiter  Limiter  // one of its own when nil
	Observer Observer // nobody when nil
	// Worked is told of each answer to a call with a token that Tokens gave out: the platform takes that token. It must be
	// quick for a token that it has heard of. Nobody when nil.
	Worked func(ctx context.Context, s Shop, token string)
	Send   http.RoundTripper // Transport of the app when nil; another one must hold the address rules itself
	// MaxAnswer bounds an answer, unpacked; 32 MiB when 0.
	MaxAnswer int64
	// Timeout replaces what the driver says of a try; 0 leaves it. A call that names its own keeps it.
	Timeout time.Duration
}

// Storefront carries the calls of one app of one platform, for all its shops. It is safe for concurrent use.
type Storefront struct {
	client driver.Client
	limits driver.Limits
	o      Options

	mu    sync.Mutex
	app   driver.App
	send  http.RoundTripper
	lines map[lineKey]*line
}

// New makes a storefront of a driver and an app.
func New(client driver.Client, app driver.App, o Options) *Storefront {
	if o.Limiter == nil {
		o.Limiter = NewLimiter(o.Clock)
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 32 << 20
	}
	s := &Storefront{client: client, limits: client.Limits(), o: o, lines: map[lineKey]*line{}}
	if o.Timeout > 0 {
		s.limits.Timeout = o.Timeout
	}
	s.SetApp(app)
	return s
}

// Client is the driver, whose methods take a Caller.
func (s *Storefront) Client() driver.Client { return s.client }

// App is the set of credentials in use.
func (s *Storefront) App() driver.App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.app
}

// SetApp replaces the credentials, after a rotation of secrets. Calls under way keep the old ones.
func (s *Storefront) SetApp(app driver.App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.send == nil || app.Base != s.app.Base || app.Environment != s.app.Environment {
		if s.send = s.o.Send; s.send == nil {
			s.send = Transport(app)
		}
	}
	s.app = app
}

// Caller carries calls for a shop with a priority. The zero Shop is for calls that are the app's alone.
func (s *Storefront) Caller(shop Shop, p Priority) driver.Caller {
	return &caller{s: s, shop: shop, priority: p}
}

// Bearer carries calls for a shop with a token that Tokens does not know: one that was just won, or that is to be tried. It
// is never renewed.
func (s *Storefront) Bearer(shop Shop, token string, p Priority) driver.Caller {
	return &caller{s: s, shop: shop, priority: p, token: token}
}
