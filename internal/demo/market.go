package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
)

const (
	shopName   = "little-shop"
	shopDomain = shopName + ".myshopify.com"
	clientID   = "demo-app"
	shopSecret = "demo-secret-of-a-made-up-app"
	apiVersion = "2026-10"

	// speed is how many seconds pass at the platform in one of ours: its first retry, a minute after a failure, comes
	// after a tenth of a second. It begins so long ago that it does not overtake our calendar while it hurries.
	speed   = 600
	longAgo = 72 * time.Hour
	senders = 16 // deliveries under way at once
)

// rates are the faults of the platform in per mille of the deliveries. Drops are not among them: lives places them itself.
var rates = [...]struct {
	fault    shopify.Fault
	perMille int
}{{shopify.Duplicate, 100}, {shopify.Reorder, 150}, {shopify.Delay, 60}, {shopify.Forge, 20}}

// market is a made-up Shopify with one shop, on a port of its own.
type market struct {
	*shopify.Platform
	url   string
	token string // of the app in the shop
	watch *watch
	serve *http.Server
	ended chan error
}

// watch is the clock that the platform follows. From slow on a second there takes a second here.
type watch struct {
	mu   sync.Mutex
	from time.Time // zero: at full speed
}

func (w *watch) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := app.SystemClock()
	if w.from.IsZero() {
		return t
	}
	return w.from.Add(t.Sub(w.from) / speed)
}

func (w *watch) slow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from = app.SystemClock()
}

// openMarket opens the shop, puts the hub's app into it and serves both. Nothing is sent before Run.
func openMarket(seed uint64) (*market, error) {
	m := &market{watch: &watch{}, ended: make(chan error, 1)}
	m.Platform = shopify.Open(shopify.Options{
		Seed: seed, Start: m.watch.now().Add(-longAgo), Clock: m.watch.now, Speed: speed, Loopback: true, Workers: senders,
	})
	if _, err := m.AddShop(shopify.ShopSpec{Name: shopName}); err != nil {
		return nil, err
	}
	if _, err := m.AddApp(shopify.AppSpec{
		ClientID: clientID, Secrets: []string{shopSecret}, Name: "Hub", Customers: true, Fields: []string{"name", "address", "phone", "email"},
	}); err != nil {
		return nil, err
	}
	tokens, err := m.Install(clientID, shopDomain, []string{"read_orders"})
	if err != nil {
		return nil, err
	}
	m.token = tokens.Access
	for _, r := range rates {
		if err := m.SetFault(r.fault, r.perMille); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the made-up Shopify: %w", err)
	}
	m.url = "http://" + listener.Addr().String()
	m.serve = &http.Server{Handler: m.Control(), ReadHeaderTimeout: 10 * time.Second}
	go func() { m.ended <- m.serve.Serve(listener) }()
	return m, nil
}

// close ends the pages and the API.
func (m *market) close() error {
	err := m.serve.Close()
	if served := <-m.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

const subscription = `mutation($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, format: JSON}) { userErrors { message } }
}`

// subscribe asks the platform, through its own API, to tell everything about orders to an address.
func (m *market) subscribe(ctx context.Context, uri string) (topics int, err error) {
	for _, topic := range shopify.Topics() {
		if !strings.HasPrefix(topic, "orders/") && !strings.HasPrefix(topic, "refunds/") {
			continue
		}
		name := strings.ToUpper(strings.ReplaceAll(topic, "/", "_"))
		if err := m.ask(ctx, subscription, map[string]string{"topic": name, "uri": uri}); err != nil {
			return topics, fmt.Errorf("subscribing to %s: %w", topic, err)
		}
		topics++
	}
	return topics, nil
}

// ask sends one mutation.
func (m *market) ask(ctx context.Context, query string, variables map[string]string) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	url := m.url + "/shops/" + shopDomain + "/admin/api/" + apiVersion + "/graphql.json"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Shopify-Access-Token", m.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	type problems []struct{ Message string }
	var got struct {
		Errors problems
		Data   struct {
			WebhookSubscriptionCreate *struct{ UserErrors problems }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	made := got.Data.WebhookSubscriptionCreate
	if made == nil || len(got.Errors)+len(made.UserErrors) > 0 {
		return fmt.Errorf("answered %d %v %v", answer.StatusCode, got.Errors, made)
	}
	return nil
}

// dispatch are the deliveries of a platform, counted.
type dispatch struct {
	first    int // that were told once each, copies and forgeries not counted
	copies   int
	forged   int
	believed int // forged ones that were taken
	dropped  int // never sent
	retried  int // attempts after the first of a delivery
	open     int // neither delivered nor dropped
}

// dispatched counts what became of the deliveries.
func (m *market) dispatched() (d dispatch) {
	ids := map[string]bool{}
	for _, s := range m.Sent() {
		id := s.Header.Get("X-Shopify-Webhook-Id")
		d.retried += max(0, len(s.Attempts)-1)
		switch {
		case slices.Contains(s.Faults, shopify.Forge):
			d.forged++
			if s.State == shopify.StateDelivered {
				d.believed++
			}
			continue
		case s.State == shopify.StateDropped:
			d.dropped++
			continue
		case ids[id]:
			d.copies++
		default:
			d.first++
		}
		ids[id] = true
		if s.State != shopify.StateDelivered {
			d.open++
		}
	}
	return d
}
