package adaptertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopify"
	"hub/adapters/shopify"
)

// start is a day on which the pinned version of the API is the latest.
var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// wire is a made-up Shopify without a network, and a storefront that asks it, in the time of a synctest bubble.
type wire struct {
	platform *sandbox.Platform
	front    *adapters.Storefront
	driver   *shopify.Driver
	app      driver.App
	shop     adapters.Shop
	keeper   *keeper
	observed *tally
	clock    hub.Clock
	charged  atomic.Int64 // points, as answers tell
	took     time.Duration
	lose     string                // the answer to the next request whose path ends so
	before   func(r *http.Request) // is called with each request, when there is one
}

// RoundTrip has the platform answer. Half an answer is one, and a caller who goes away gets none.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.before != nil {
		w.before(r)
	}
	recorder := httptest.NewRecorder()
	w.platform.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.lose != "" && strings.HasSuffix(r.URL.Path, w.lose) {
		w.lose = ""
		return nil, io.ErrUnexpectedEOF
	}
	var told struct {
		Extensions struct {
			Cost struct{ ActualQueryCost int64 }
		}
	}
	if json.Unmarshal(recorder.Body.Bytes(), &told) == nil {
		w.charged.Add(told.Extensions.Cost.ActualQueryCost)
	}
	response := recorder.Result()
	if told, err := strconv.Atoi(response.Header.Get("Content-Length")); err == nil && told > recorder.Body.Len() {
		response.Body = io.NopCloser(io.MultiReader(recorder.Body, broken{}))
	}
	response.Header.Set("Date", w.platform.Now().UTC().Format(http.TimeFormat))
	return response, nil
}

// broken is a connection that ended.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// keeper keeps the token of one shop.
type keeper struct {
	mu      sync.Mutex
	token   string
	renewed int
	renew   func() (string, error)
}

func (k *keeper) Token(context.Context, adapters.Shop) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.token, nil
}

func (k *keeper) Renew(_ context.Context, _ adapters.Shop, refused string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token != refused {
		return k.token, nil
	}
	k.renewed++
	token, err := k.renew()
	if err == nil {
		k.token = token
	}
	return k.token, err
}

// tally counts tries by outcome.
type tally struct {
	mu   sync.Mutex
	seen map[string]int
}

func (o *tally) Tried(_ context.Context, t adapters.Try) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[t.Outcome]++
}

func (*tally) Breaker(hub.Platform, driver.Class, string) {}

// wired opens a platform with one shop that has sold something, and a storefront for it. It is called in a bubble.
func wired(t *testing.T, options sandbox.Options, orders int, scopes ...string) *wire {
	t.Helper()
	begin := time.Now()
	clock := func() time.Time { return start.Add(time.Since(begin)) }
	options.Seed, options.Clock, options.Start, options.Loopback = 7, time.Now, start, true
	p := sandbox.Open(options)
	w := &wire{
		platform: p, driver: shopify.New(), observed: &tally{seen: map[string]int{}}, clock: clock,
		app: driver.App{
			ClientID: "hub", Secrets: []string{newSecret, oldSecret}, Environment: "sandbox", Base: "http://127.0.0.1:8787",
			Redirect: "https://hub.example.com/connect/shopify/callback",
		},
		shop: adapters.Shop{Tenant: "ten_1", Connection: "con_1", Account: sandboxShop},
	}
	if _, err := p.AddApp(sandbox.AppSpec{
		ClientID: "hub", Secrets: []string{oldSecret, newSecret}, Name: "Hub", Redirects: []string{w.app.Redirect}, Public: true,
		Created: start, Customers: true, Fields: []string{"name", "address", "phone", "email"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddShop(sandbox.ShopSpec{Name: "conform"}); err != nil {
		t.Fatal(err)
	}
	if scopes == nil {
		scopes = []string{"read_orders", "read_all_orders", "read_customers", "read_products"}
	}
	tokens, err := p.Install("hub", sandboxShop, scopes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := p.Trade(sandboxShop, orders, 5*time.Second, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	pass(time.Duration(orders)*10*time.Second + 10*time.Minute)
	if tokens, err = p.Install("hub", sandboxShop, scopes); err != nil {
		t.Fatal(err)
	}
	w.keeper = &keeper{token: tokens.Access, renew: func() (string, error) {
		made, err := p.Install("hub", sandboxShop, scopes)
		return made.Access, err
	}}
	w.front = adapters.New(w.driver, w.app, adapters.Options{Clock: clock, Tokens: w.keeper, Observer: w.observed, Send: w})
	return w
}

// pass lets time pass.
func pass(d time.Duration) { <-time.After(d) }

func (w *wire) caller() driver.Caller { return w.front.Caller(w.shop, adapters.Fresh) }

// window is all of the shop's life.
func (w *wire) window(by driver.By) driver.Window {
	return driver.Window{By: by, From: start.Add(-time.Hour), To: w.platform.Now().Add(time.Hour)}
}

// live are the ids of the orders that exist.
func (w *wire) live() (ids []string) {
	for _, o := range w.platform.Orders(sandboxShop) {
		if !o.Deleted {
			ids = append(ids, fmt.Sprint(o.ID))
		}
	}
	slices.Sort(ids)
	return ids
}

// export runs an export to its end and returns the newest document of each order, and how many parts and waits it took.
func (w *wire) export(t testing.TB, window driver.Window) (documents map[string][]byte, parts []driver.Part) {
	t.Helper()
	documents = map[string][]byte{}
	cursor := ""
	for range 10_000 {
		part, err := w.driver.Export(t.Context(), w.caller(), window, cursor)
		if err != nil {
			t.Fatalf("part %d: %v", len(parts), err)
		}
		parts = append(parts, part)
		for _, d := range part.Documents {
			draft, err := w.driver.Order(d)
			if err != nil {
				t.Fatalf("%v\n%s", err, d)
			}
			documents[string(draft.Order.ExternalID)] = d
		}
		if part.Next == "" {
			return documents, parts
		}
		pass(part.Wait)
		cursor = part.Next
	}
	t.Fatal("the export does not end")
	return nil, nil
}

func (w *wire) fetch(t testing.TB, ids ...string) (documents map[string][]byte, missing []hub.ExternalID) {
	t.Helper()
	documents = map[string][]byte{}
	for chunk := range slices.Chunk(ids, w.driver.Limits().FetchAtOnce) {
		var want []hub.ExternalID
		for _, id := range chunk {
			want = append(want, hub.ExternalID(id))
		}
		got, err := w.driver.Fetch(t.Context(), w.caller(), want)
		if err != nil {
			t.Fatal(err)
		}
		missing = append(missing, got.Missing...)
		for _, d := range got.Documents {
			draft, err := w.driver.Order(d)
			if err != nil {
				t.Fatalf("%v\n%s", err, d)
			}
			documents[string(draft.Order.ExternalID)] = d
		}
	}
	return documents, missing
}

// sameOrder reads two documents and compares what they mean.
func (w *wire) sameOrder(t testing.TB, a, b []byte) {
	t.Helper()
	one, err := w.driver.Order(a)
	other, failed := w.driver.Order(b)
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if !reflect.DeepEqual(one, other) {
		left, _ := json.Marshal(one)
		right, _ := json.Marshal(other)
		t.Fatalf("two documents of one order differ\n%s\n%s", left, right)
	}
}

func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// TestExportIsComplete: by bulk operation, by pages where none is run, with a file in any order, and after one that failed,
// an export has each order, and each as a fetch reads it.
func TestExportIsComplete(t *testing.T) {
	for name, set := range map[string]func(*testing.T, *wire){
		"bulk":    func(*testing.T, *wire) {},
		"refused": func(t *testing.T, w *wire) { w.occupy(t) },
		"scatter": func(t *testing.T, w *wire) { w.next(t, sandbox.BulkScatter) },
		"failed":  func(t *testing.T, w *wire) { w.next(t, sandbox.BulkFail) },
	} {
		bubble(t, name, func(t *testing.T) {
			orders := 120
			if name == "scatter" {
				orders = 450 // a file of several pieces
			}
			w := wired(t, sandbox.Options{}, orders)
			set(t, w)
			documents, parts := w.export(t, w.window(driver.ByCreation))
			ids := w.live()
			fetched, missing := w.fetch(t, ids...)
			if len(documents) != len(ids) || len(missing) > 0 {
				t.Fatalf("%d orders exported, %d fetched, %d exist", len(documents), len(fetched), len(ids))
			}
			for _, id := range ids {
				w.sameOrder(t, documents[id], fetched[id])
			}
			w.descending(t, parts)
			if len(parts[0].Documents) == 0 {
				t.Error("the first part holds no order")
			}
			t.Logf("%d orders in %d parts, %v", len(ids), len(parts), w.observed.seen)
		})
	}
}

func (w *wire) next(t testing.TB, f sandbox.Fault) {
	t.Helper()
	if err := w.platform.FaultNext(f, 1); err != nil {
		t.Fatal(err)
	}
}

// occupy has others of our app run as many bulk operations as may run.
func (w *wire) occupy(t testing.TB) {
	t.Helper()
	const run = `mutation{bulkOperationRunQuery(query:"{orders{edges{node{id}}}}"){bulkOperation{id} userErrors{message}}}`
	for range 6 {
		body, err := json.Marshal(map[string]string{"query": run})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.caller().Call(t.Context(), driver.Call{
			Name: "occupy", Class: driver.ClassOrders, Method: http.MethodPost, Path: "/admin/api/2026-10/graphql.json", Body: body,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// descending: Reached only ever goes back, and ends at the beginning.
func (w *wire) descending(t testing.TB, parts []driver.Part) {
	t.Helper()
	last := w.window(driver.ByCreation).To
	for i, p := range parts {
		if p.Reached.After(last) || p.Reached.IsZero() {
			t.Errorf("part %d reached %s after %s", i, p.Reached, last)
		}
		last = p.Reached
	}
	if want := w.window(driver.ByCreation).From; !last.Equal(want) {
		t.Errorf("the export reached %s, not %s", last, want)
	}
	if total := parts[len(parts)-1].Total; total == 0 {
		t.Errorf("total %d", total)
	}
}
