package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	before  = 10 * 24 * time.Hour // for how long the shops sold before they were connected
	senders = 16                  // deliveries of one platform under way at once
)

// market is a made-up platform on a port of its own, and what happens there.
type market struct {
	profile
	platform
	lives      *lives
	connection string   // the hub's name of the shop
	todo       []string // what the hub has found that somebody must mend
	url        string
	calls      atomic.Int64 // that the hub made
	serve      *http.Server
	ended      chan error
}

// openMarket serves a platform. Nothing is sent before Run.
func openMarket(p profile, made platform, w *watch, o Options) (*market, error) {
	m := &market{profile: p, platform: made, ended: make(chan error, 1)}
	m.lives = &lives{trade: made, watch: w, seed: o.Seed, calm: o.calm}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the made-up %s: %w", p.title, err)
	}
	m.url = "http://" + listener.Addr().String()
	m.serve = &http.Server{Handler: m.counted(made.Control()), ReadHeaderTimeout: 10 * time.Second}
	go func() { m.ended <- m.serve.Serve(listener) }()
	return m, nil
}

// counted counts the requests that are not of the sandbox's own pages.
func (m *market) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/sandbox/") {
			m.calls.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

// close ends the pages and the API.
func (m *market) close() error {
	err := m.serve.Close()
	if served := <-m.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// history has a shop sell n orders before anybody hears of it, and ends now.
func (m *market) history(ctx context.Context, n int, now func() time.Time) error {
	err := m.lives.past(n, before/time.Duration(n+1), func(d time.Duration) { m.Advance(ctx, d) })
	if err != nil {
		return fmt.Errorf("selling on %s: %w", m.title, err)
	}
	m.Advance(ctx, now().Sub(m.Now()))
	return ctx.Err()
}
