package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/adapters/mercadolibre"
	boxmercadolibre "hub/adapters/sandbox/mercadolibre"
	boxshopee "hub/adapters/sandbox/shopee"
	boxshopify "hub/adapters/sandbox/shopify"
	"hub/adapters/shopee"
	"hub/adapters/shopify"
	"hub/internal/app"
	"hub/internal/fetch"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

// past is a made-up platform in this process with a shop that has sold orders, and what a hub needs to read them.
type past struct {
	client  driver.Client
	name    hub.Platform
	app     driver.App
	account string
	token   string
	orders  int
	calls   atomic.Int64
	close   func()
}

// apart is the time between two orders of the past.
const apart = time.Minute

// serve opens the platform's port.
func (p *past) serve(h http.Handler) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		h.ServeHTTP(w, r)
	}))
	p.app.Base, p.app.Environment, p.close = server.URL, "sandbox", server.Close
}

const (
	boxClient = "2000777"
	boxSecret = "a-secret-of-a-made-up-app"
)

// pastOn makes a platform and has n orders placed and paid there. Limited: it counts calls as the real one does.
func pastOn(tb testing.TB, name hub.Platform, n int, limited bool) *past {
	tb.Helper()
	p := &past{name: name, orders: n}
	p.app.ClientID, p.app.Secrets = boxClient, []string{boxSecret}
	begin := app.SystemClock().Add(-time.Duration(n+1) * apart)
	var sell func() error
	var pass func(context.Context, time.Duration)
	switch name {
	case hub.Shopify:
		box := boxshopify.Open(boxshopify.Options{Seed: 1, Start: begin, Clock: app.SystemClock, Loopback: true, Unlimited: !limited})
		sell, pass = p.onShopify(tb, box), box.Advance
	case hub.Shopee:
		box := boxshopee.Open(boxshopee.Options{Seed: 1, Start: begin, Clock: app.SystemClock, Loopback: true, Unlimited: !limited})
		sell, pass = p.onShopee(tb, box), box.Advance
	default:
		box := boxmercadolibre.Open(boxmercadolibre.Options{Seed: 1, Start: begin, Clock: app.SystemClock, Unlimited: !limited})
		sell, pass = p.onMercadoLibre(tb, box), box.Advance
	}
	for range n {
		must(tb, sell())
		pass(context.Background(), apart)
	}
	return p
}

func (p *past) onShopify(tb testing.TB, box *boxshopify.Platform) (sell func() error) {
	scopes := []string{"read_orders", "read_all_orders", "read_customers", "read_products"}
	got(box.AddApp(boxshopify.AppSpec{
		ClientID: boxClient, Secrets: []string{boxSecret}, Name: "Hub", Redirects: []string{"http://127.0.0.1/"}, Public: true, Created: box.Now(),
		Customers: true, Fields: []string{"name", "address", "phone", "email"},
	}))(tb)
	got(box.AddShop(boxshopify.ShopSpec{Name: "past"}))(tb)
	p.client, p.account = shopify.New(), "past.myshopify.com"
	p.serve(box.Control())
	sold := 0
	return func() error {
		o, err := box.Act(p.account, boxshopify.Create, 0)
		if err == nil {
			_, err = box.Act(p.account, boxshopify.Pay, o.ID)
		}
		if sold++; err == nil && sold == p.orders { // tokens live for an hour
			var t boxshopify.Tokens
			t, err = box.Install(boxClient, p.account, scopes)
			p.token = t.Access
		}
		return err
	}
}

func (p *past) onShopee(tb testing.TB, box *boxshopee.Platform) (sell func() error) {
	got(box.AddApp(boxshopee.AppSpec{ClientID: boxClient, Key: boxSecret, Name: "Hub"}))(tb)
	p.client, p.account = shopee.New(), got(box.AddShop(boxshopee.ShopSpec{Name: "Past", Region: "SG"}))(tb)
	p.serve(box.Control())
	sold := 0
	return func() error {
		o, err := box.Act(p.account, boxshopee.Create, "")
		if err == nil {
			_, err = box.Act(p.account, boxshopee.Pay, o.ID)
		}
		if sold++; err == nil && sold == p.orders {
			var t boxshopee.Tokens
			t, err = box.Install(boxClient, p.account)
			p.token = t.Access
		}
		return err
	}
}

func (p *past) onMercadoLibre(tb testing.TB, box *boxmercadolibre.Platform) (sell func() error) {
	got(box.AddApp(boxmercadolibre.AppSpec{ClientID: boxClient, Secret: boxSecret, Name: "Hub"}))(tb)
	p.client, p.account = mercadolibre.New(), got(box.AddSeller(boxmercadolibre.SellerSpec{Nickname: "PAST", Site: "MLB"}))(tb)
	p.serve(box.Control())
	sold := 0
	return func() error {
		o, err := box.Act(p.account, boxmercadolibre.Create, 0)
		if err == nil {
			_, err = box.Act(p.account, boxmercadolibre.Pay, o.ID)
		}
		if sold++; err == nil && sold == p.orders {
			var t boxmercadolibre.Tokens
			t, err = box.Install(boxClient, p.account)
			p.token = t.Access
		}
		return err
	}
}

// eager is a driver whose platform may set no bounds, and which notes how long an export is to wait.
type eager struct {
	driver.Client
	bounded bool
	wait    time.Duration
}

// Limits implements driver.Client.
func (e *eager) Limits() driver.Limits {
	l := e.Client.Limits()
	if !e.bounded {
		l.Size, l.PerSecond = 1e9, 1e9
	}
	return l
}

// Export implements driver.Client.
func (e *eager) Export(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Part, error) {
	part, err := e.Client.Export(ctx, c, w, cursor)
	e.wait = part.Wait
	return part, err
}

// fixed is a token that lives as long as the measurement.
type fixed string

// Token implements adapters.Tokens.
func (f fixed) Token(context.Context, adapters.Shop) (string, error) { return string(f), nil }

// Renew implements adapters.Tokens.
func (f fixed) Renew(context.Context, adapters.Shop, string) (string, error) {
	return "", &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect, Op: "renewing a token of a measurement"}
}

// reader is the parts of a hub that read a past, put together as package app does.
type reader struct {
	*rig
	fetch.Service
	name   fetch.Name
	client *eager
	past   *past
	place  intake.Endpoint
}

// Shop implements fetch.Shops.
func (r *reader) Shop(fetch.Name) (fetch.Shop, error) {
	front := adapters.New(r.client, r.past.app, adapters.Options{
		Clock: app.SystemClock, Tokens: fixed(r.past.token),
	})
	shop := adapters.Shop{Tenant: r.name.Tenant, Connection: r.name.Connection, Account: r.past.account}
	return fetch.Shop{Client: r.client, Fresh: front.Caller(shop, adapters.Fresh), Slow: front.Caller(shop, adapters.Backfill)}, nil
}

// Access implements fetch.Shops.
func (r *reader) Access(context.Context, fetch.Name) (fetch.Access, error) { return fetch.Granted, nil }

// App implements fetch.Shops.
func (r *reader) App(hub.AppID) (fetch.App, error) {
	return fetch.App{}, &hub.Error{Kind: hub.KindNotFound, Op: "measuring"}
}

// Take implements fetch.Log.
func (r *reader) Take(ctx context.Context, _ fetch.Name, documents []fetch.Document) error {
	list := make([]intake.Fetched, len(documents))
	for i, d := range documents {
		list[i] = intake.Fetched{Document: d.Body, Cause: d.Cause}
	}
	return r.door.Take(ctx, r.place, list)
}

// Recover implements fetch.Log.
func (r *reader) Recover(context.Context, hub.Platform, hub.AppID, driver.Missed) (bool, error) {
	return false, nil
}

// read opens a hub with a connection to the shop of a past.
func (p *past) read(tb testing.TB) *reader {
	tb.Helper()
	r := &reader{rig: newRig(tb, onSQLite), client: &eager{Client: p.client}, past: p}
	r.tenants.Platforms = []hub.Platform{p.name}
	made := got(r.tenants.CreateConnection(context.Background(), tenancy.NewConnection{
		Tenant: r.connection.Tenant, Platform: p.name, Environment: "sandbox", Shop: p.account, Secrets: []string{boxSecret},
	}))(tb)
	r.name = fetch.Name{Tenant: made.Tenant, Connection: made.ID}
	r.place = intake.Endpoint{Platform: p.name, App: made.App, Tenant: made.Tenant, Connection: made.ID, Account: p.account}
	r.Service = fetch.Service{
		Shops: r, Log: r, Store: r.store.Fetches(), Clock: app.SystemClock, Logger: logger(), Options: fetch.Defaults(),
	}
	return r
}

// ours reads the whole past into fresh databases, and measures how long that takes until the last order is applied.
func (p *past) ours(tb testing.TB) rate {
	r := p.read(tb)
	defer r.close(tb)
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	clock := start()
	must(tb, r.Begin(ctx, r.name, time.Time{}))
	stop := r.drain(tb)
	for {
		must(tb, r.Backfill(ctx, r.name))
		progress := got(r.store.Fetches().Progress(ctx, r.name))(tb)
		if !progress.Backfill.EndedAt.IsZero() {
			break
		}
		<-time.After(r.client.wait) // as the queue would
	}
	must(tb, r.drainer.WaitFor(ctx, r.log.Synced()))
	measured := clock.rate(int64(p.orders))
	stop()
	db := got(r.shard.Open())(tb)
	defer db.Close()
	var there int
	must(tb, db.QueryRowContext(ctx, "SELECT COUNT(*) FROM orders").Scan(&there))
	if there != p.orders {
		tb.Fatalf("%s: %d of %d orders are there", p.name, there, p.orders)
	}
	return measured
}

// budget reads the past on a platform that counts calls, and when what the driver's budget holds at first is used up returns
// how many calls are made in d, and how many the budget allows.
func (p *past) budget(tb testing.TB, d time.Duration) (made, allowed float64) {
	r := p.read(tb)
	defer r.close(tb)
	r.client.bounded = true
	r.Shops = same{r, got(r.Shop(r.name))(tb)} // one carrier of calls has one budget
	defer r.drain(tb)()
	must(tb, r.Begin(context.Background(), r.name, time.Time{}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	before, l := p.calls.Load(), r.client.Limits()
	go func() { ended <- r.exhaust(ctx) }()
	for float64(p.calls.Load()-before) < l.Size && len(ended) == 0 {
		<-time.After(time.Millisecond)
	}
	from, begun := p.calls.Load(), time.Now()
	<-time.After(d)
	made, allowed = float64(p.calls.Load()-from), l.PerSecond*time.Since(begun).Seconds()
	if len(ended) > 0 {
		tb.Fatal("the past was over before the time was, or could not be read: ", <-ended)
	}
	cancel()
	<-ended // cut off in the middle
	return made, allowed
}

// exhaust reads the past until it is over, or ctx.
func (r *reader) exhaust(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.Backfill(ctx, r.name); err != nil {
			return err
		}
		progress, err := r.store.Fetches().Progress(ctx, r.name)
		if err != nil || !progress.Backfill.EndedAt.IsZero() {
			return err
		}
	}
	return ctx.Err()
}

// same has one carrier of calls for all turns of a shop.
type same struct {
	*reader
	one fetch.Shop
}

// Shop implements fetch.Shops.
func (s same) Shop(fetch.Name) (fetch.Shop, error) { return s.one, nil }

// BenchmarkBackfillBudget measures how much of a platform's budget a backfill uses; at least nine tenths are demanded. It is
// not about Shopify, whose bulk operation is a few calls.
func BenchmarkBackfillBudget(b *testing.B) {
	onDisk(b)
	for name, orders := range map[hub.Platform]int{hub.Shopee: 12_000, hub.MercadoLibre: 2_000} {
		b.Run(string(name), func(b *testing.B) {
			p := pastOn(b, name, orders, true)
			defer p.close()
			made, allowed := p.budget(b, 20*time.Second)
			b.ReportMetric(made, "calls")
			b.ReportMetric(100*made/allowed, "%-of-budget")
			if made+1 < 0.9*allowed { // one call may be under way
				b.Errorf("%s: %.0f calls of %.0f that the budget allows", name, made, allowed)
			}
		})
	}
}

// backfillComparisons sets reading the past beside draining as many webhooks, the made-up platform on the same processors.
func backfillComparisons(tb testing.TB, orders int) []comparison {
	few := natural(200)
	compare := func(name hub.Platform, title string, demanded float64) comparison {
		p := pastOn(tb, name, orders, false)
		d := &drainage{size: onSQLite, few: few, orders: orders}
		return comparison{
			name: "backfill, " + title, unit: "orders/s", against: "draining as many webhooks, one SQLite shard",
			demanded: demanded, ours: p.ours, baseline: d.ours, done: p.close,
		}
	}
	return []comparison{compare(hub.Shopify, "Shopify", 0.5), compare(hub.Shopee, "Shopee", 0.25)}
}
