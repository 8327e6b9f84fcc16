package demo

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hub"
	"hub/adapters/sandbox/shopee"
)

// shopeeRates are the faults of the made-up Shopee in per mille of its pushes or answers.
var shopeeRates = map[shopee.Fault]int{
	shopee.Duplicate: 100, shopee.Reorder: 150, shopee.Forge: 40, shopee.APIError: 30, shopee.APIHalf: 20, shopee.APIThrottle: 20, shopee.APILag: 50,
	shopee.PagesRepeat: 50, shopee.PagesSkip: 50,
}

// shopeePlatform is a Shopee with one shop.
type shopeePlatform struct {
	*shopee.Platform
	shop string
}

// openShopee makes it. The shop is in a country whose money has no decimals.
func openShopee(o Options, w *watch) (profile, platform, error) {
	about := profile{
		name: hub.Shopee, share: 1, title: "Shopee", clientID: "2000777", secret: "demo-partner-key-of-a-made-up-app",
	}
	p := shopeePlatform{Platform: shopee.Open(shopee.Options{
		Seed: o.Seed, Start: w.time().Add(-before), Clock: w.now, Speed: speed, Loopback: true, Workers: senders, PerSecond: 20 * speed, Burst: 40 * speed,
		EscrowAfter: -1, // at once: the hub looks again after a minute, for which nobody waits here
	})}
	var err error
	if p.shop, err = p.AddShop(shopee.ShopSpec{Name: "Tiệm Nhỏ", Region: "VN"}); err != nil {
		return about, p, err
	}
	about.shop = p.shop
	about.consent = map[string][]string{"decision": {"confirm"}, "account": {"shop:" + p.shop}, "days": {"365"}}
	return about, p, misbehave(o, p.SetFault, shopeeRates)
}

// enrol implements post. The console wants the domain of the way back, and the one address of all pushes.
func (p shopeePlatform) enrol(about profile, redirect, hook string) error {
	back, err := url.Parse(redirect)
	if err != nil {
		return err
	}
	_, err = p.AddApp(shopee.AppSpec{ClientID: about.clientID, Key: about.secret, Name: "Hub", Domains: []string{back.Host}, PushURL: hook})
	return err
}

func (p shopeePlatform) act(s step, order string) (string, error) {
	o, err := p.Act(p.shop, shopee.Action(s), order)
	return o.ID, err
}

func (p shopeePlatform) hush(next int) error { return p.FaultNext(shopee.Drop, next) }

func (p shopeePlatform) orders() (list []truth) {
	for _, o := range p.Orders(p.shop) {
		list = append(list, truth{id: o.ID, updated: o.Updated, total: o.CurrentTotal})
	}
	return list
}

func (p shopeePlatform) life(random *rand.Rand) (steps []step) {
	add := func(in int, actions ...shopee.Action) bool {
		if random.IntN(in) > 0 {
			return false
		}
		for _, a := range actions {
			steps = append(steps, step(a))
		}
		return true
	}
	if add(14, shopee.Cancel) { // never paid
		return steps
	}
	add(1, shopee.Pay)
	if add(15, shopee.Cancel) {
		return steps
	}
	add(15, shopee.RequestCancel, shopee.RefuseCancel)
	if add(4) { // still to be sent
		return steps
	}
	add(1, shopee.Arrange, shopee.PickUp)
	if add(4) || add(40, shopee.Lose) {
		return steps
	}
	add(1, shopee.Deliver)
	if add(12, shopee.ReturnAll, shopee.AcceptReturn) || add(10, shopee.ReturnOne, shopee.AcceptReturn) {
		return steps
	}
	add(2, shopee.Complete)
	return steps
}

func (p shopeePlatform) dispatched() dispatch {
	var all []sending
	for _, s := range p.Sent() {
		all = append(all, sending{state: s.State, forged: slices.Contains(s.Faults, shopee.Forge), attempts: len(s.Attempts)})
	}
	d := count(all, p.Faults()[shopee.Duplicate])
	d.removed = len(p.Notices())
	return d
}

// news implements post: the time of a push has ten digits, which compare like text.
func (shopeePlatform) news(_ http.Header, body []byte) (order, at string) {
	var push struct {
		Timestamp int64
		Data      struct {
			OrderSN string `json:"ordersn"`
			OtherSN string `json:"order_sn"`
		}
	}
	if json.Unmarshal(body, &push) != nil {
		return "", ""
	}
	return push.Data.OrderSN + push.Data.OtherSN, strconv.FormatInt(push.Timestamp, 10)
}

func (p shopeePlatform) answeredBadly() int {
	return played(p.Faults(), shopee.APIError, shopee.APIHalf, shopee.APIThrottle, shopee.APILag, shopee.PagesRepeat, shopee.PagesSkip)
}
