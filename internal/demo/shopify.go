package demo

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"

	"hub"
	"hub/adapters/sandbox/shopify"
)

const shopifyShop = "little-shop.myshopify.com"

// shopifyRates are the faults of the made-up Shopify in per mille of its deliveries or answers. Drops are not among them:
// lives places them itself.
var shopifyRates = map[shopify.Fault]int{
	shopify.Duplicate: 100, shopify.Reorder: 150, shopify.Forge: 40, shopify.APIError: 30, shopify.APIHalf: 20, shopify.APIThrottle: 20, shopify.APILag: 50,
}

// shopifyPlatform is a Shopify with one shop.
type shopifyPlatform struct{ *shopify.Platform }

// openShopify makes it. The shop has withheld nothing, and the app may read old orders, too.
func openShopify(o Options, w *watch) (profile, platform, error) {
	about := profile{
		name: hub.Shopify, share: 2, title: "Shopify", shop: shopifyShop, asked: "little-shop", clientID: "demo-app",
		secret: "demo-secret-of-a-made-up-app", consent: map[string][]string{"decision": {"install"}},
		scopes: []string{"read_orders", "read_all_orders", "read_customers", "read_products"},
	}
	p := shopifyPlatform{shopify.Open(shopify.Options{
		Seed: o.Seed, Start: w.time().Add(-before), Clock: w.now, Speed: speed, Loopback: true, Workers: senders,
	})}
	if _, err := p.AddShop(shopify.ShopSpec{Name: about.asked}); err != nil {
		return about, p, err
	}
	return about, p, misbehave(o, p.SetFault, shopifyRates)
}

// enrol implements post. The hub makes the subscriptions itself.
func (p shopifyPlatform) enrol(about profile, redirect, _ string) error {
	_, err := p.AddApp(shopify.AppSpec{
		ClientID: about.clientID, Secrets: []string{about.secret}, Name: "Hub", Redirects: []string{redirect}, Public: true, Created: p.Now(),
		Customers: true, Fields: []string{"name", "address", "phone", "email"},
	})
	return err
}

func (p shopifyPlatform) act(s step, order string) (string, error) {
	id, err := strconv.ParseInt("0"+order, 10, 64)
	if err != nil {
		return "", err
	}
	o, err := p.Act(shopifyShop, shopify.Action(s), id)
	return strconv.FormatInt(o.ID, 10), err
}

func (p shopifyPlatform) hush(next int) error { return p.FaultNext(shopify.Drop, next) }

func (p shopifyPlatform) orders() (list []truth) {
	for _, o := range p.Orders(shopifyShop) {
		list = append(list, truth{id: strconv.FormatInt(o.ID, 10), updated: o.Updated, total: o.CurrentTotal, deleted: o.Deleted})
	}
	return list
}

func (p shopifyPlatform) life(random *rand.Rand) (steps []step) {
	one := func(in int, a shopify.Action) {
		if random.IntN(in) == 0 {
			steps = append(steps, step(a))
		}
	}
	one(10, shopify.Note)
	one(8, shopify.Edit)
	if random.IntN(12) == 0 { // never paid
		steps = append(steps, step(shopify.Cancel))
		one(3, shopify.Delete)
		return steps
	}
	steps = append(steps, step(shopify.Pay))
	if random.IntN(15) == 0 {
		return append(steps, step(shopify.Cancel))
	}
	one(4, shopify.FulfillPart)
	one(2, shopify.Fulfill)
	one(6, shopify.RefundOne)
	one(20, shopify.RefundAll)
	return steps
}

func (p shopifyPlatform) dispatched() dispatch {
	var all []sending
	for _, s := range p.Sent() {
		all = append(all, sending{state: s.State, forged: slices.Contains(s.Faults, shopify.Forge), attempts: len(s.Attempts)})
	}
	d := count(all, p.Faults()[shopify.Duplicate])
	d.removed = len(p.Notices())
	return d
}

// news implements post: times of one form and width compare like text.
func (shopifyPlatform) news(h http.Header, _ []byte) (order, at string) {
	return h.Get("X-Shopify-Order-Id"), h.Get("X-Shopify-Triggered-At")
}

func (p shopifyPlatform) answeredBadly() int {
	return played(p.Faults(), shopify.APIError, shopify.APIHalf, shopify.APIThrottle, shopify.APILag)
}
