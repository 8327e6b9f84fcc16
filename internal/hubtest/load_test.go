package hubtest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/demo"
	"hub/internal/hubtest"
)

// gate tells workers where the hub is, and holds them while it is down.
type gate struct {
	mu   sync.Mutex
	url  string
	open chan struct{} // closed while the hub is up
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) up(url string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.url = url
	close(g.open)
}

func (g *gate) down() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

// pass waits until the hub is up; false when the test is over.
func (g *gate) pass(ctx context.Context) (string, bool) {
	for {
		g.mu.Lock()
		url, open := g.url, g.open
		g.mu.Unlock()
		select {
		case <-open:
			return url, true
		case <-ctx.Done():
			return "", false
		}
	}
}

// merchant is a shop whose platform sends without end: new orders, changes, copies, old news late.
type merchant struct {
	hubtest.Shop
	hookPath string
	breath   time.Duration // between two deliveries of a worker at most: a short run needs work under way, not all there can be

	mu       sync.Mutex
	answered map[string]time.Time // by external id: the newest version with a 2xx
	sent     int
	accepted int
}

// shout runs one worker with a history of its own until ctx ends.
func (m *merchant) shout(ctx context.Context, g *gate, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	shop := shopify.New(shopDomain(m.Shop.Tenant), secret, seed, time.Now())
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	defer client.CloseIdleConnections()
	var live []*shopify.Order
	var kept []shopify.Delivery // to be sent late, or once more
	for {
		url, ok := g.pass(ctx)
		if !ok {
			return
		}
		var d shopify.Delivery
		switch n := random.IntN(10); {
		case n < 4 || len(live) == 0:
			o := shop.Place()
			live = append(live, o)
			d = shop.Deliver("orders/create", o)
		case n < 8:
			d = change(random, shop, live[random.IntN(len(live))])
		case len(kept) > 0:
			d = kept[random.IntN(len(kept))]
		default:
			continue
		}
		if random.IntN(8) == 0 {
			kept = append(kept, d)
			continue // comes late, or never
		}
		m.post(ctx, client, url, d)
		pause(random, 0, m.breath)
	}
}

func change(random *rand.Rand, shop *shopify.Shop, o *shopify.Order) shopify.Delivery {
	switch random.IntN(4) {
	case 0:
		o.Ship()
		return shop.Deliver("orders/fulfilled", o)
	case 1:
		if o.Refund() {
			return shop.Deliver("orders/updated", o)
		}
		return shop.Deliver("orders/updated", o)
	}
	o.Pay()
	return shop.Deliver("orders/paid", o)
}

func (m *merchant) post(ctx context.Context, client *http.Client, url string, d shopify.Delivery) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+m.hookPath, bytes.NewReader(d.Body))
	if err != nil {
		panic(err) // the address comes from the hub itself
	}
	request.Header = d.Header.Clone()
	m.mu.Lock()
	m.sent++
	m.mu.Unlock()
	answer, err := client.Do(request)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted++
	id := strconv.FormatInt(d.OrderID, 10)
	if d.Updated.After(m.answered[id]) {
		m.answered[id] = d.Updated
	}
}

const secret = "a-secret-of-the-test-app"

func shopDomain(tenant string) string {
	return fmt.Sprintf("shop-%s.myshopify.com", tenant[len(tenant)-8:])
}

// reader is an ERP that remembers every page byte for byte.
type reader struct {
	key  string
	mu   sync.Mutex
	seen map[int64]string // by sequence
	next int64
	acks map[string]string // by order: the reference that was answered with success
}

// follow reads and acknowledges until ctx ends, through every crash.
func (r *reader) follow(ctx context.Context, g *gate) {
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for {
		url, ok := g.pass(ctx)
		if !ok {
			return
		}
		c := demo.Client{HTTP: client, URL: url, Key: r.key}
		page, err := rawFeed(ctx, c, r.next, time.Second)
		if err != nil {
			continue
		}
		r.keep(ctx, c, page)
		<-time.After(time.Duration(rounds(50, 0)) * time.Millisecond) // for more on a page
	}
}

func (r *reader) keep(ctx context.Context, c demo.Client, page []rawChange) {
	for _, change := range page {
		r.mu.Lock()
		r.seen[change.Sequence] = string(change.raw)
		r.next = change.Sequence
		_, done := r.acks[change.Order.ID]
		r.mu.Unlock()
		if done {
			continue
		}
		reference := "ERP-" + change.Order.ExternalID
		if c.Acknowledge(ctx, change.Order.ID, reference) == nil {
			r.mu.Lock()
			r.acks[change.Order.ID] = reference
			r.mu.Unlock()
		}
	}
}

// connect makes n merchants with their readers.
func connect(t *testing.T, operator demo.Client, n int) (merchants []*merchant, readers []*reader) {
	t.Helper()
	for i := range n {
		m := &merchant{answered: map[string]time.Time{}, breath: time.Duration(rounds(30, 1)) * time.Millisecond}
		var err error
		if m.Shop, err = hubtest.Connect(t.Context(), operator, fmt.Sprintf("Merchant %d", i), "shopify", fmt.Sprintf("merchant-%d", i), secret); err != nil {
			t.Fatal(err)
		}
		m.hookPath = m.HookURL[len(operator.URL):]
		merchants = append(merchants, m)
		readers = append(readers, &reader{key: m.ERP.Key, seen: map[int64]string{}, acks: map[string]string{}})
	}
	return merchants, readers
}
