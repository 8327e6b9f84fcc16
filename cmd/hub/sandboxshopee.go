package main

import (
	"net/url"
	"strconv"
	"time"

	"hub"
	"hub/adapters/sandbox/shopee"
)

// shopeeStage is a made-up Shopee.
type shopeeStage struct{ *shopee.Platform }

func openShopee(c *sandboxCommand, start time.Time, clock hub.Clock) stage {
	return shopeeStage{shopee.Open(shopee.Options{
		Seed: c.Seed, Start: start, Clock: clock, Speed: c.Speed, Loopback: true, Workers: sandboxWorkers,
	})}
}

// firstPartner is the partner id of the app that sellers can let in; those of --hook follow.
const firstPartner = 2_000_001

func (s shopeeStage) app(c *sandboxCommand, secret string) (string, error) {
	id := strconv.Itoa(firstPartner)
	var domains []string
	for _, back := range c.Redirect {
		if u, err := url.Parse(back); err == nil {
			domains = append(domains, u.Host)
		}
	}
	_, err := s.AddApp(shopee.AppSpec{ClientID: id, Key: secret, Name: "Sandbox app", Domains: domains, PushURL: c.Push})
	return id, err
}

func (s shopeeStage) shop(c *sandboxCommand, name string) (id, path string, err error) {
	id, err = s.AddShop(shopee.ShopSpec{Name: name, Region: c.Country})
	return id, "", err
}

func (s shopeeStage) hook(n int, shop sandboxShop) error {
	id := strconv.Itoa(firstPartner + 1 + n)
	if _, err := s.AddApp(shopee.AppSpec{ClientID: id, Key: shop.Secret, Name: "Pushes of --hook", PushURL: shop.HookURL}); err != nil {
		return err
	}
	_, err := s.Install(id, shop.Shop)
	return err
}

func (s shopeeStage) trade(shop string, interval, pace time.Duration) error {
	return s.Trade(shop, -1, interval, pace)
}

func (s shopeeStage) names() []string { return texts(shopee.FaultNames()) }

func (s shopeeStage) rate(name string, perMille int) error {
	return s.SetFault(shopee.Fault(name), perMille)
}
