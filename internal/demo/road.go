package demo

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// What the road does to deliveries, in per mille. Eight failures in a row would end a subscription, so it stays rare.
const (
	refuseRate = 40 // answers 503 itself, the hub hears nothing
	cutRate    = 30 // the hub has accepted it, and its answer does not arrive
)

// road is the way from the platform to the hub: it refuses some deliveries and loses the answers of others, so that the
// platform sends them again.
type road struct {
	url   string
	serve *http.Server
	ended chan error

	mu       sync.Mutex
	random   *rand.Rand
	hub      http.Handler // nil: nobody is there yet
	newest   map[string]string
	times    []time.Duration // of the hub's answers
	attempts int
	refused  int
	cut      int
	late     int // deliveries that came to the hub after a newer one of their order
}

// openRoad takes a port. Until lead is called it answers 503.
func openRoad(seed uint64) (*road, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the road to the hub: %w", err)
	}
	r := &road{
		url: "http://" + listener.Addr().String(), ended: make(chan error, 1), random: rand.New(rand.NewPCG(seed, 3)),
		newest: map[string]string{},
	}
	r.serve = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { r.ended <- r.serve.Serve(listener) }()
	return r, nil
}

// close ends it.
func (r *road) close() error {
	err := r.serve.Close()
	if served := <-r.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// proxy forwards requests to a hub as they are.
func proxy(to string) (http.Handler, error) {
	target, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("reading the hub's address: %w", err)
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: senders},
		ErrorLog:  log.New(io.Discard, "", 0), // the platform sees the failure and tries again
	}, nil
}

// lead opens the road to a hub.
func (r *road) lead(to http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hub = to
}

// ServeHTTP lets one delivery pass, or not.
func (r *road) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	to, cut := r.decide(q.Header)
	if to == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answer := &held{ResponseWriter: w, cut: cut, header: http.Header{}}
	start := time.Now()
	to.ServeHTTP(answer, q)
	took := time.Since(start)
	r.mu.Lock()
	r.times = append(r.times, took)
	r.mu.Unlock()
	if cut {
		panic(http.ErrAbortHandler) // ends the connection without an answer
	}
}

// decide draws the fate of a delivery and looks whether it is late; no handler is a refusal.
func (r *road) decide(h http.Header) (to http.Handler, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts++
	n := r.random.IntN(1000)
	if n < refuseRate || r.hub == nil {
		r.refused++
		return nil, false
	}
	order, at := h.Get("X-Shopify-Order-Id"), h.Get("X-Shopify-Triggered-At")
	if at < r.newest[order] { // one form and width, so text compares like time
		r.late++
	} else {
		r.newest[order] = at
	}
	if cut = n < refuseRate+cutRate; cut {
		r.cut++
	}
	return r.hub, cut
}

// held passes an answer on, or swallows it.
type held struct {
	http.ResponseWriter
	cut    bool
	header http.Header
}

func (h *held) Header() http.Header {
	if h.cut {
		return h.header
	}
	return h.ResponseWriter.Header()
}

func (h *held) WriteHeader(status int) {
	if !h.cut {
		h.ResponseWriter.WriteHeader(status)
	}
}

func (h *held) Write(b []byte) (int, error) {
	if h.cut {
		return len(b), nil
	}
	return h.ResponseWriter.Write(b)
}

// traffic is what the road has seen.
type traffic struct {
	attempts, refused, cut, late int
	times                        []time.Duration
}

func (r *road) traffic() traffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	return traffic{r.attempts, r.refused, r.cut, r.late, append([]time.Duration(nil), r.times...)}
}
