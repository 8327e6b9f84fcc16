package hubtest_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"hub"
	"hub/adapters/sandbox/mercadolibre"
	"hub/adapters/sandbox/shopee"
	"hub/adapters/sandbox/shopify"
	"hub/internal/demo"
)

// platform is a made-up one, with as many shops as a drill opens.
type platform interface {
	Run(ctx context.Context)
	Advance(ctx context.Context, d time.Duration)
	Control() http.Handler
	// app is the hub's app on it, which enrol makes known with the addresses to which browsers and deliveries go.
	app() demo.App
	enrol(redirect, hook string) error
	// open opens another shop.
	open(n int) (booth, error)
	// place has somebody buy, and change has something happen that the platform tells a hub of.
	place(account string) (order string, err error)
	change(account, order string) error
	orders(account string) []sold
	// drop keeps so many of a thousand deliveries from ever being sent.
	drop(perMille int) error
	// dropped counts them.
	dropped() int
}

// sold is an order as it stands at its platform.
type sold struct {
	id      string
	updated time.Time
}

// booth is a shop on a platform, and how its owner lets the hub in.
type booth struct {
	account, asked string
	consent        url.Values
	connection     string
}

// stall is a platform on a port of its own, with the shops that a drill looks at.
type stall struct {
	platform
	app    demo.App
	toll   *toll
	booths []*booth
}

// watcher looks at the calls that come.
type watcher interface {
	listing(r *http.Request, body []byte) (end func())
	state(c net.Conn, s http.ConnState)
}

// openStall serves a platform with n shops behind a toll, and sends what is due.
func openStall(t *testing.T, p platform, n int, see ...watcher) *stall {
	t.Helper()
	s := &stall{platform: p, app: p.app(), toll: newToll(p)}
	server := httptest.NewUnstartedServer(s.toll)
	for _, one := range see {
		s.toll.see, server.Config.ConnState = one.listing, one.state
	}
	server.Start()
	s.app.Base = server.URL
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { p.Run(ctx); close(ended) }()
	t.Cleanup(func() {
		stop()
		s.toll.release()
		server.CloseClientConnections()
		server.Close()
		<-ended
	})
	for i := range n {
		b, err := p.open(i)
		if err != nil {
			t.Fatal(err)
		}
		s.booths = append(s.booths, &b)
	}
	return s
}

// bazaar is a tenant with shops on several stalls, and the hub's way to them.
type bazaar struct {
	tenant        string
	merchant, erp demo.Client
	stalls        []*stall
}

// joinBazaar makes a tenant of a hub and connects every shop of the stalls to it, as their owners do.
func joinBazaar(t *testing.T, operator demo.Client, stalls ...*stall) *bazaar {
	t.Helper()
	var made struct {
		ID string `json:"tenant_id"`
	}
	z := &bazaar{stalls: stalls}
	err := operator.Do(t.Context(), http.MethodPost, "/v1/tenants", map[string]any{"name": "Bazaar"}, &made)
	if z.tenant = made.ID; err == nil {
		z.merchant, err = operator.NewKey(t.Context(), made.ID, "merchant", "office")
	}
	if err == nil {
		z.erp, err = operator.NewKey(t.Context(), made.ID, "erp", "books")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stalls {
		redirect, hook, err := operator.AddApp(t.Context(), s.app)
		if err == nil {
			err = s.enrol(redirect, hook)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range s.booths {
			z.authorise(t, s, b)
		}
	}
	z.find(t)
	return z
}

// authorise has the owner of a shop let the hub in.
func (z *bazaar) authorise(t *testing.T, s *stall, b *booth) {
	t.Helper()
	if err := z.merchant.Authorise(t.Context(), s.app.Platform, b.asked, s.app.Base, b.consent); err != nil {
		t.Fatal(err)
	}
}

// find learns the names that the hub gave.
func (z *bazaar) find(t *testing.T) {
	t.Helper()
	var list struct {
		Data []struct {
			ID       string `json:"connection_id"`
			Platform string `json:"platform"`
			Shop     string `json:"shop"`
		}
	}
	if err := z.merchant.Do(t.Context(), http.MethodGet, "/v1/connections?limit=250", nil, &list); err != nil {
		t.Fatal(err)
	}
	for _, s := range z.stalls {
		for _, b := range s.booths {
			for _, one := range list.Data {
				if one.Platform == string(s.app.Platform) && one.Shop == b.account {
					b.connection = one.ID
				}
			}
			if b.connection == "" {
				t.Fatalf("%s of %s is not connected", b.account, s.app.Platform)
			}
		}
	}
}

// at has the tenant speak with another hub.
func (z *bazaar) at(url string) { z.merchant.URL, z.erp.URL = url, url }

// standing says how the hub thinks that a connection stands.
func (z *bazaar) standing(ctx context.Context, connection string) (state, code string, err error) {
	var shown struct {
		State string
		Code  string `json:"state_code"`
	}
	err = z.merchant.Do(ctx, http.MethodGet, "/v1/connections/"+connection, nil, &shown)
	return shown.State, shown.Code, err
}

const appSecret = "a-secret-of-the-app-of-a-drill"

// onShopee is a Shopee without limits, on a clock.
func onShopee(seed uint64, clock hub.Clock) platform {
	return shopeeStall{shopee.Open(shopee.Options{Seed: seed, Clock: clock, Loopback: true, Unlimited: true, Workers: 16})}
}

type shopeeStall struct{ *shopee.Platform }

func (shopeeStall) app() demo.App {
	return demo.App{Platform: hub.Shopee, ClientID: "2000777", Secret: appSecret}
}

func (p shopeeStall) enrol(redirect, hook string) error {
	back, err := url.Parse(redirect)
	if err == nil {
		_, err = p.AddApp(shopee.AppSpec{ClientID: p.app().ClientID, Key: appSecret, Name: "Hub", Domains: []string{back.Host}, PushURL: hook})
	}
	return err
}

func (p shopeeStall) open(n int) (booth, error) {
	shop, err := p.AddShop(shopee.ShopSpec{Name: fmt.Sprint("Shop ", n), Region: []string{"SG", "VN", "BR"}[n%3]})
	consent := url.Values{"decision": {"confirm"}, "account": {"shop:" + shop}, "days": {"365"}}
	return booth{account: shop, consent: consent}, err
}

func (p shopeeStall) place(account string) (string, error) {
	o, err := p.Act(account, shopee.Create, "")
	return o.ID, err
}

func (p shopeeStall) change(account, order string) error {
	_, err := p.Act(account, shopee.Pay, order)
	return err
}

func (p shopeeStall) orders(account string) (list []sold) {
	for _, o := range p.Orders(account) {
		list = append(list, sold{o.ID, o.Updated})
	}
	return list
}

func (p shopeeStall) drop(perMille int) error { return p.SetFault(shopee.Drop, perMille) }

func (p shopeeStall) dropped() int { return p.Faults()[shopee.Drop] }

// onMercadoLibre is a Mercado Libre without limits, on a clock.
func onMercadoLibre(seed uint64, clock hub.Clock) platform {
	return mercadoLibreStall{mercadolibre.Open(mercadolibre.Options{Seed: seed, Clock: clock, Unlimited: true, Workers: 16})}
}

type mercadoLibreStall struct{ *mercadolibre.Platform }

func (mercadoLibreStall) app() demo.App {
	return demo.App{Platform: hub.MercadoLibre, ClientID: "1234567890123456", Secret: appSecret}
}

func (p mercadoLibreStall) enrol(redirect, hook string) error {
	_, err := p.AddApp(mercadolibre.AppSpec{
		ClientID: p.app().ClientID, Secret: appSecret, Name: "Hub", Redirects: []string{redirect}, PKCE: true, NotifyURL: hook,
	})
	return err
}

func (p mercadoLibreStall) open(n int) (booth, error) {
	account, err := p.AddSeller(mercadolibre.SellerSpec{Nickname: fmt.Sprint("LOJA", n), Site: []string{"MLB", "MLA", "MLM"}[n%3]})
	return booth{account: account, consent: url.Values{"decision": {"allow"}, "as": {"owner"}, "user": {account}}}, err
}

func (p mercadoLibreStall) place(account string) (string, error) {
	o, err := p.Act(account, mercadolibre.Create, 0)
	return strconv.FormatInt(o.ID, 10), err
}

func (p mercadoLibreStall) change(account, order string) error {
	id, err := strconv.ParseInt(order, 10, 64)
	if err == nil {
		_, err = p.Act(account, mercadolibre.Pay, id)
	}
	return err
}

func (p mercadoLibreStall) orders(account string) (list []sold) {
	for _, o := range p.Orders(account) {
		list = append(list, sold{strconv.FormatInt(o.ID, 10), o.Updated})
	}
	return list
}

func (p mercadoLibreStall) drop(perMille int) error { return p.SetFault(mercadolibre.Drop, perMille) }

func (p mercadoLibreStall) dropped() int { return p.Faults()[mercadolibre.Drop] }

// onShopify is a Shopify without limits, on a clock.
func onShopify(seed uint64, clock hub.Clock) platform {
	return shopifyStall{shopify.Open(shopify.Options{Seed: seed, Clock: clock, Loopback: true, Unlimited: true, Workers: 16})}
}

type shopifyStall struct{ *shopify.Platform }

func (shopifyStall) app() demo.App {
	return demo.App{Platform: hub.Shopify, ClientID: "drill-app", Secret: appSecret}
}

func (p shopifyStall) enrol(redirect, _ string) error {
	_, err := p.AddApp(shopify.AppSpec{
		ClientID: p.app().ClientID, Secrets: []string{appSecret}, Name: "Hub", Redirects: []string{redirect}, Public: true, Created: p.Now(),
		Customers: true, Fields: []string{"name", "address", "phone", "email"},
	})
	return err
}

func (p shopifyStall) open(n int) (booth, error) {
	name := fmt.Sprint("shop-", n)
	_, err := p.AddShop(shopify.ShopSpec{Name: name})
	return booth{account: name + ".myshopify.com", asked: name, consent: url.Values{"decision": {"install"}}}, err
}

func (p shopifyStall) place(account string) (string, error) {
	o, err := p.Act(account, shopify.Create, 0)
	return strconv.FormatInt(o.ID, 10), err
}

func (p shopifyStall) change(account, order string) error {
	id, err := strconv.ParseInt(order, 10, 64)
	if err == nil {
		_, err = p.Act(account, shopify.Pay, id)
	}
	return err
}

func (p shopifyStall) orders(account string) (list []sold) {
	for _, o := range p.Orders(account) {
		list = append(list, sold{strconv.FormatInt(o.ID, 10), o.Updated})
	}
	return list
}

func (p shopifyStall) drop(perMille int) error { return p.SetFault(shopify.Drop, perMille) }

func (p shopifyStall) dropped() int { return p.Faults()[shopify.Drop] }

// everybody lists the booths of all stalls with their stall.
func (z *bazaar) everybody() (list []seller) {
	for _, s := range z.stalls {
		for _, b := range s.booths {
			list = append(list, seller{s, b})
		}
	}
	return slices.Clip(list)
}

// seller is a booth on its stall.
type seller struct {
	*stall
	*booth
}

// sell has somebody buy at it.
func (s seller) sell(t *testing.T) string {
	t.Helper()
	order, err := s.place(s.account)
	if err != nil {
		t.Fatal(err)
	}
	return order
}

// freeAddress is one that platforms can be told: a hub that comes back must be at the same.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
