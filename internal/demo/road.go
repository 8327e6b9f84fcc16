package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// What the road does to deliveries, in per mille. Eight failures in a row would end a subscription, so it stays rare.
const (
	refuseRate = 40 // answers 503 itself, the hub hears nothing
	cutRate    = 30 // the hub has accepted it, and its answer does not arrive
)

// road is the way from the platforms to the hub: it refuses some deliveries and loses the answers of others, so that the
// platforms send them again. Browsers pass it unharmed.
type road struct {
	url   string
	serve *http.Server
	ended chan error
	news  map[string]reader // by the name of the platform
	calm  bool              // nothing fails

	mu     sync.Mutex
	random *rand.Rand
	hub    http.Handler // nil: nobody is there yet
	newest map[string]string
	seen   map[string]*traffic
}

// reader says which order a delivery is about and when that was.
type reader func(h http.Header, body []byte) (order, at string)

// traffic is what the road has seen of one platform's deliveries.
type traffic struct {
	attempts, refused, cut int
	late                   int             // that came to the hub after newer news of their order
	times                  []time.Duration // of the hub's answers
}

// openRoad takes a port. Until lead is called it answers 503.
func openRoad(o Options, news map[string]reader) (*road, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the road to the hub: %w", err)
	}
	r := &road{
		url: "http://" + listener.Addr().String(), ended: make(chan error, 1), random: rand.New(rand.NewPCG(o.Seed, 3)),
		news: news, calm: o.calm, newest: map[string]string{}, seen: map[string]*traffic{},
	}
	for name := range news {
		r.seen[name] = &traffic{}
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

// maxDelivery is far above what any platform sends.
const maxDelivery = 8 << 20

// ServeHTTP lets one delivery pass, or not.
func (r *road) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	rest, delivery := strings.CutPrefix(q.URL.Path, "/hooks/")
	name, _, _ := strings.Cut(rest, "/")
	if !delivery || r.news[name] == nil {
		r.pass(w, q)
		return
	}
	body, err := io.ReadAll(io.LimitReader(q.Body, maxDelivery))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	order, at := r.news[name](q.Header, body)
	to, cut := r.decide(name, order, at)
	if to == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answer := &held{ResponseWriter: w, cut: cut, header: http.Header{}}
	start := time.Now()
	to.ServeHTTP(answer, q)
	took := time.Since(start)
	r.mu.Lock()
	r.seen[name].times = append(r.seen[name].times, took)
	r.mu.Unlock()
	if cut {
		panic(http.ErrAbortHandler) // ends the connection without an answer
	}
}

// pass lets a browser through.
func (r *road) pass(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	to := r.hub
	r.mu.Unlock()
	if to == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	to.ServeHTTP(w, q)
}

// decide draws the fate of a delivery and looks whether it is late; no handler is a refusal.
func (r *road) decide(name, order, at string) (to http.Handler, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.seen[name]
	t.attempts++
	n := r.random.IntN(1000)
	if r.calm {
		n = 1000
	}
	if n < refuseRate || r.hub == nil {
		t.refused++
		return nil, false
	}
	switch key := name + " " + order; {
	case order == "":
	case at < r.newest[key]:
		t.late++
	default:
		r.newest[key] = at
	}
	if cut = n < refuseRate+cutRate; cut {
		t.cut++
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

// traffic is what it has seen of a platform.
func (r *road) traffic(name string) traffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := *r.seen[name]
	t.times = slices.Clone(t.times)
	return t
}
